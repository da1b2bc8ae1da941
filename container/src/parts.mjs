/**
 * What of a secret's value is itself secret, and so must not be printed alone: its lines, the strings in its
 * JSON, the credentials in a connection string.
 *
 * Too little is a leak, too much a log that nobody can read: `true`, a host name and `-----BEGIN …-----` are
 * parts of secrets, and words of everybody.
 */

import { plain } from './decode.mjs';

/** A value of fewer characters ("1", "true") would blank out half of every log line. */
const SHORTEST_VALUE = 6;
/** Of a part: it was not chosen as a secret by itself. */
const SHORTEST_PART = 8;
const PEM_BOUNDARY = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;
const URL = /^[a-z][a-z0-9+.-]*:\/\//i;
const HOST = /^(?:https?:\/\/)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,12}(?::\d+)?$/;
const WORD = /^[a-z]+$/;
/** `Password=…;`, `?sig=…&`, as connection strings of other vendors have them. */
const NAMED = /(?:^|[?&;,\s])[\w-]*(?:password|passwd|pwd|secret|key|token|sig|signature)=([^;&,\s]+)/gi;
/** The secret of a webhook is in its path. */
const SEGMENT = /(?<=\/)(?=[^/?#]*\d)(?=[^/?#]*[A-Za-z])[\w~-]{16,}(?=[/?#]|$)/g;

/**
 * @typedef {object} Part
 * @property {string} text Folded.
 * @property {boolean} solid Whether every fragment of it is secret too. Not so of a URL or of JSON.
 */

/**
 * @param {string} value
 * @returns {Part[]}
 */
export function partsOf(value) {
  const parts = new Map();
  const add = (text, solid) => {
    for (const form of formsOf(text)) {
      if (form.length >= SHORTEST_VALUE) parts.set(form, solid || parts.get(form) === true);
    }
  };
  for (const whole of new Set([value, value.trim(), plain(value).trim()])) {
    if (whole.length < SHORTEST_VALUE) continue;
    collect(whole, SHORTEST_VALUE, add);
  }
  return [...parts].map(([text, solid]) => ({ text, solid }));
}

function collect(value, shortest, add) {
  if (value.length < shortest || PEM_BOUNDARY.test(value.trim())) return;
  const leaves = leavesOf(value);
  const lines = value.split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean);
  if (leaves) {
    add(value, false);
    for (const leaf of leaves) collect(leaf, SHORTEST_PART, add);
  } else if (lines.length > 1) {
    add(value, false);
    for (const line of lines) collect(line, SHORTEST_PART, add);
  } else {
    add(value, !URL.test(value) && !HOST.test(value));
    for (const credential of credentialsOf(value)) add(credential, true);
  }
}

/** The strings in a JSON document; undefined when it is none, or a mere number or word. */
function leavesOf(value) {
  if (!/^\s*[[{"]/.test(value)) return undefined;
  const leaves = [];
  try {
    JSON.parse(value, (_, each) => void (typeof each === 'string' && leaves.push(each)));
  } catch {
    return undefined;
  }
  return leaves;
}

/** Of a connection string, as written and decoded: drivers print either. */
function credentialsOf(value) {
  const found = [...value.matchAll(NAMED)].map((match) => match[1]);
  // Not `URL`, which refuses the several hosts of a replica set (`mongodb://user:password@a:27017,b:27017/`).
  const [, user, password] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#:@]*)(?::([^/?#]*))?@/i.exec(value) ?? [];
  if (password) found.push(password, `${user}:${password}`);
  // A user that is a word ("librechat") is one in every other line as well.
  if (user && !WORD.test(user)) found.push(user);
  if (URL.test(value)) found.push(...(value.match(SEGMENT) ?? []));
  return found.flatMap((text) => [text, plain(text)]).filter((text) => text.length >= SHORTEST_VALUE);
}

/** As text, and as the bytes of its UTF-8, one character each, which is how decoded bytes are read. */
function formsOf(text) {
  return [text, plain(text)]
    .flatMap((each) => [each, Buffer.from(each, 'utf8').toString('latin1')])
    .map(fold);
}

/** `+` is a space in forms, and itself elsewhere: they count as the same. */
export function fold(text) {
  return text.replaceAll('+', ' ');
}
