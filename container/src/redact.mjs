/**
 * Removes known secret values from text on its way to the log.
 *
 * It knows values, not patterns: whatever was read as a secret is replaced wherever it appears. Text is read
 * in three ways, and what is found in any of them is cut out of the original (`decode.mjs`):
 *
 * - as it is;
 * - with its escapes undone (JSON, URL, form, HTML, terminal colors), as often as it was escaped;
 * - with what may be base64, hex or a printed buffer decoded: the secret may be in the middle of it.
 *
 * A value is looked for whole, and by its parts (`parts.mjs`): its lines, the strings in its JSON, the
 * credentials in its URL, and any 12 characters in a row, so that one that is wrapped or cut is found too.
 * The one pattern is `scheme://user:password@`, which drivers like to print.
 */

import { readings } from './decode.mjs';
import { fold, partsOf } from './parts.mjs';

/** Bounded: a long line without any space would otherwise take the square of its length. */
const URI_PASSWORD = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*):[^\s/@]+@/gi;
/** As many characters of a value in a row are a fragment of it. */
const FRAGMENT = 12;
/** A run of dashes or spaces is nobody's secret. */
const DISTINCT = 4;
/** Parts are filed under this many characters: no part is shorter. */
const KEY = 4;
/** And every so many characters again: wherever a fragment is cut out, it holds one of the keys whole. */
const STRIDE = FRAGMENT - KEY + 1;

export class Redactor {
  /** Key → `{ text, at, least, label }`: where in a part it stands, and how much of it must be found. */
  #filed = new Map();
  /** One byte for each hash of a key: most places in a text are dismissed by it. */
  #filter = new Uint8Array(1 << 16);
  #known = new Map();

  /** @param {Record<string, string>} secrets Name to value; the name takes the value's place in the text. */
  add(secrets) {
    for (const [name, value] of Object.entries(secrets)) {
      if (this.#known.get(name) === value) continue;
      this.#known.set(name, value);
      for (const part of partsOf(value)) this.#file(part, `[${name}]`);
    }
  }

  /** @param {string} text */
  apply(text) {
    return this.#cutOut(text).replace(URI_PASSWORD, '$1:[password]@');
  }

  #file({ text, solid }, label) {
    const least = solid ? Math.min(FRAGMENT, text.length) : text.length;
    const last = text.length - least;
    for (let at = 0; at <= last + (least - KEY); at += STRIDE) {
      const key = text.slice(at, at + KEY);
      if (!this.#filed.has(key)) this.#filed.set(key, []);
      this.#filed.get(key).push({ text, at, least, label });
      this.#filter[hashAt(key, 0)] = 1;
      if (!solid) break;
    }
  }

  #cutOut(text) {
    if (this.#filed.size === 0) return text;
    const found = [];
    for (const reading of readings(text)) this.#search(reading, found);
    if (found.length === 0) return text;
    found.sort((a, b) => a.start - b.start || b.end - a.end);
    const merged = [];
    for (const { start, end, label, length } of found) {
      const last = merged.at(-1);
      const touches = last && (start < last.end || (start === last.end && label === last.label));
      if (!touches) {
        merged.push({ start, end, label, length });
        continue;
      }
      last.end = Math.max(last.end, end);
      // A secret that contains another one gives its name to the whole.
      if (length > last.length) Object.assign(last, { label, length });
    }
    let clean = '';
    let at = 0;
    for (const { start, end, label } of merged) {
      clean += text.slice(at, start) + label;
      at = end;
    }
    return clean + text.slice(at);
  }

  #search(reading, found) {
    const text = fold(reading.text);
    for (let at = 0; at + KEY <= text.length; at += 1) {
      if (this.#filter[hashAt(text, at)] === 0) continue;
      for (const part of this.#filed.get(text.slice(at, at + KEY)) ?? []) {
        const [start, end] = common(text, at, part);
        if (end - start < part.least) continue;
        if (end - start < part.text.length && new Set(text.slice(start, end)).size < DISTINCT) continue;
        const [first, last] = reading.range(start, end);
        found.push({ start: first, end: last, label: part.label, length: end - start });
      }
    }
  }
}

/** How far a text and a part are the same, around a place where both have the same key. */
function common(text, place, { text: part, at }) {
  let [before, after] = [0, KEY];
  while (before < at && before < place && text[place - before - 1] === part[at - before - 1]) before += 1;
  while (at + after < part.length && text[place + after] === part[at + after]) after += 1;
  return [place - before, place + after];
}

function hashAt(text, at) {
  const first = text.charCodeAt(at) * 31 + text.charCodeAt(at + 1);
  return ((first * 31 + text.charCodeAt(at + 2)) * 31 + text.charCodeAt(at + 3)) & 0xffff;
}
