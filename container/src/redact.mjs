/**
 * Removes known secret values from text on its way to a log or a caller.
 *
 * It knows values, not patterns: whatever was read as a secret is replaced wherever it appears, whole or in
 * part, and in the forms that it takes on its way into a line: a line of a value with several, inside JSON
 * or HTML, percent- or form-encoded, as base64 (also within the base64 of a longer text) or as hex. Parts are
 * found by runs of twelve characters, so it does not matter where a value was split or cut off.
 *
 * The one pattern is `scheme://user:password@`, which drivers like to print.
 */

/** Shorter values ("1", "true") would blank out half of every log line. */
const SHORTEST_SECRET = 6;
/** A part shorter than this is not recognized; longer runs of a secret do not occur by chance. */
const RUN = 12;
const URI_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi;
const URI = /^[a-z][a-z0-9+.-]*:\/\//i;
/** The frame of a key or certificate: no secret, and in every other one, too. */
const FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;

export class Redactor {
  /** Connection strings, whose parts are in every other line. */
  #addresses = new Map();
  /** Short values, which count only as a whole. */
  #short = new Map();
  /** Every run of RUN characters of a longer value. */
  #runs = new Map();

  /** @param {Record<string, string>} secrets Name to value; the name takes the value's place in the text. */
  add(secrets) {
    for (const [name, value] of Object.entries(secrets)) {
      for (const part of partsOf(value)) for (const form of formsOf(part)) this.#learn(form, `[${name}]`);
      if (URI.test(value)) this.#addresses.set(value.trim(), `[${name}]`);
    }
  }

  /** @param {string} text */
  apply(text) {
    let clean = text;
    for (const [form, label] of this.#addresses) clean = clean.replaceAll(form, label);
    clean = this.#withoutRuns(clean);
    for (const [form, label] of this.#short) clean = clean.replaceAll(form, label);
    return clean.replace(URI_PASSWORD, '$1:[password]@');
  }

  #learn(form, label) {
    if (form.length < SHORTEST_SECRET) return;
    if (form.length < RUN) this.#short.set(form, label);
    for (let end = RUN; end <= form.length; end += 1) this.#runs.set(form.slice(end - RUN, end), label);
  }

  #withoutRuns(text) {
    if (this.#runs.size === 0) return text;
    let clean = '';
    let copied = 0;
    for (let start = 0; start + RUN <= text.length; start += 1) {
      const label = this.#runs.get(text.slice(start, start + RUN));
      if (label === undefined) continue;
      let end = start + RUN;
      while (end < text.length && this.#runs.has(text.slice(end - RUN + 1, end + 1))) end += 1;
      clean += text.slice(copied, start) + label;
      copied = end;
      start = end - 1;
    }
    return clean + text.slice(copied);
  }
}

/** What of a value is secret by itself. */
function partsOf(value) {
  const text = value.trim();
  const leaves = stringsOfJson(text);
  if (leaves) return leaves.flatMap(partsOf);
  // Of a connection string only the password: its hosts and options stand in every other line.
  if (URI.test(text)) return passwordsOf(text);
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => !FRAME.test(line));
  return lines.length > 1 ? [...lines, lines.join('\n'), lines.join('\r\n')] : lines;
}

/** The strings in a value that is JSON; undefined when it is not. A number or a word is itself the secret. */
function stringsOfJson(text) {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    const found = [];
    JSON.parse(text, (_, value) => {
      if (typeof value === 'string' || typeof value === 'number') found.push(String(value));
      return value;
    });
    return found;
  } catch {
    return undefined;
  }
}

/**
 * The password of a connection string, as written and decoded: drivers print either. Not `URL`, which
 * refuses the several hosts of a replica set (`mongodb://user:password@a:27017,b:27017/`).
 */
function passwordsOf(uri) {
  const password = /^[^:]+:\/\/[^/?#:@]*:([^/?#]*)@/.exec(uri)?.[1];
  if (!password) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

function formsOf(text) {
  const quoted = (value) => JSON.stringify(value).slice(1, -1);
  const percent = encodeURIComponent(text.toWellFormed());
  const html = text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  const written = [text, quoted(text), quoted(quoted(text))];
  const bytes = [...new Set(written.slice(0, 2))].map((value) => Buffer.from(value));
  const base64 = bytes.flatMap(inBase64);
  return new Set([
    ...written,
    percent,
    percent.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    // As forms and URLSearchParams write it.
    new URLSearchParams([['', text]]).toString().slice(1),
    html,
    text.replace(/[&<>"']/g, (character) => named[character]),
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    ...base64.map(encodeURIComponent),
    ...bytes.flatMap((value) => [value.toString('hex'), value.toString('hex').toUpperCase()]),
  ]);
}

/**
 * The base64 of a value wherever it stands in a longer text: by how many bytes precede it, three forms, each
 * without the characters that depend on its neighbours.
 */
function inBase64(bytes) {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replaceAll('=', '');
    const start = Math.ceil((before * 8) / 6);
    return encoded.slice(start, Math.floor(((before + bytes.length) * 8) / 6));
  });
}
