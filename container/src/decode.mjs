/**
 * The ways in which a text can be read, for those who look for something in it: as it is, with escapes
 * undone, and with encoded bytes decoded. Each reading knows which part of the text a part of it comes from.
 *
 * No reading is the right one. A wrong one is harmless: what is looked for is not in it.
 */

/** Escapes of escapes (JSON in JSON in a URL) are undone this often; each time the text becomes shorter. */
const ESCAPED_AT_MOST = 6;
/** Bytes within bytes: the base64 of a header that holds base64. */
const ENCODED_AT_MOST = 2;

/* eslint-disable no-control-regex */
const ESCAPE = new RegExp(
  [
    // Terminal sequences: CSI (colors), OSC (titles and links), and the short ones.
    /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b"]*(?:\x07|\x1b\\)|[@-Z\\^_])/,
    // JSON, JavaScript and shells.
    /\\(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|x([0-9a-f]{2})|(.))/,
    /%([0-9a-f]{2})/,
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gis',
);
/** Six characters of UTF-8 in a row, seen byte by byte: what is not text was decoded wrongly, and is most. */
const TEXT =
  /(?:[\t\n\r\x1b\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){6}/;
/* eslint-enable no-control-regex */
const CONTROLS = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', 0: '\0' };
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

const BASE64 = /[A-Za-z0-9+/_-]{8,}/g;
const HEX = /[0-9a-f]{2}(?:[ :,-]?[0-9a-f]{2}){5,}/gi;
/** A buffer printed as JSON, or as an array. */
const NUMBERS = /\d{1,3}(?:\s*,\s*\d{1,3}){5,}/g;

/**
 * @typedef {object} Reading
 * @property {string} text
 * @property {(start: number, end: number) => [number, number]} range The part of the original that a part of
 *   this text comes from.
 */

/**
 * @param {string} text
 * @returns {Iterable<Reading>}
 */
export function readings(text) {
  return read({ text, range: (start, end) => [start, end] }, ENCODED_AT_MOST);
}

function* read(reading, depth) {
  let current = reading;
  for (let times = 0; current && times <= ESCAPED_AT_MOST; times += 1) {
    yield current;
    if (depth > 0) {
      for (const bytes of encoded(current)) if (TEXT.test(bytes.text)) yield* read(bytes, depth - 1);
    }
    current = unescape(current);
  }
}

/** Undefined when nothing is escaped. */
function unescape(reading) {
  const pieces = [];
  let at = 0;
  for (const match of reading.text.matchAll(ESCAPE)) {
    const character = characterOf(match);
    if (character === undefined) continue;
    pieces.push([at, match.index], [match.index, match.index + match[0].length, character]);
    at = match.index + match[0].length;
  }
  if (pieces.length === 0) return undefined;
  pieces.push([at, reading.text.length]);
  return assemble(reading, pieces);
}

/** Pieces `[start, end]` as they are, `[start, end, text]` replaced. */
function assemble(reading, pieces) {
  let text = '';
  for (const [start, end, replaced] of pieces) text += replaced ?? reading.text.slice(start, end);
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  let at = 0;
  for (const [start, end, replaced] of pieces) {
    const length = replaced?.length ?? end - start;
    for (let offset = 0; offset < length; offset += 1, at += 1) {
      starts[at] = replaced === undefined ? start + offset : start;
      ends[at] = replaced === undefined ? start + offset + 1 : end;
    }
  }
  return { text, range: (start, end) => reading.range(starts[start], ends[end - 1]) };
}

function characterOf([whole, unicode, braced, byte, other, percent, decimal, hexadecimal, entity]) {
  if (whole[0] === '\x1b') return '';
  if (other !== undefined) return CONTROLS[other] ?? other;
  if (entity !== undefined) return ENTITIES[entity.toLowerCase()];
  const hex = unicode ?? braced ?? byte ?? percent ?? hexadecimal;
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** Everything in it that may be bytes in some notation, decoded, one character per byte. */
function* encoded(reading) {
  const { text } = reading;
  const bytesAt = (bytes, first, last) => ({
    text: bytes.toString('latin1'),
    range: (start, end) => reading.range(first(start), Math.min(last(end - 1), text.length)),
  });
  for (const { 0: run, index } of text.matchAll(BASE64)) {
    // Its beginning may be in the middle of a group of four, when it follows something of the same letters.
    for (let offset = 0; offset < 4; offset += 1) {
      const first = (at) => index + offset + Math.floor((at * 4) / 3);
      const last = (at) => index + offset + Math.floor((at * 4 + 6) / 3);
      yield bytesAt(Buffer.from(run.slice(offset), 'base64'), first, last);
    }
  }
  for (const { 0: run, index } of text.matchAll(HEX)) {
    const digits = [...run.matchAll(/[0-9a-f]/gi)].map((match) => index + match.index);
    // As with base64; with separators only the first can be right.
    for (const offset of digits.length === run.length ? [0, 1] : [0]) {
      const bytes = Buffer.from(digits.slice(offset).map((place) => text[place]).join(''), 'hex');
      yield bytesAt(bytes, (at) => digits[offset + 2 * at], (at) => digits[offset + 2 * at + 1] + 1);
    }
  }
  for (const { 0: run, index } of text.matchAll(NUMBERS)) {
    const numbers = [...run.matchAll(/\d+/g)];
    const place = (at) => index + numbers[at].index;
    const bytes = Buffer.from(numbers.map((match) => Number(match[0])));
    yield bytesAt(bytes, place, (at) => place(at) + numbers[at][0].length);
  }
}

/** `text` with every escape undone, as the last of its readings has it. */
export function plain(text) {
  let current = { text, range: (start, end) => [start, end] };
  for (let times = 0; times < ESCAPED_AT_MOST; times += 1) {
    const next = unescape(current);
    if (!next) break;
    current = next;
  }
  return current.text;
}
