/**
 * Removes known secret values from text on its way to a log or a caller.
 *
 * It knows values, not patterns: whatever was read as a secret is replaced wherever it appears, also as
 * it looks inside JSON or a URL. The one pattern is `scheme://user:password@`, which drivers like to print.
 */

/** Shorter values ("1", "true") would blank out half of every log line. */
const SHORTEST_SECRET = 6;
const URI_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi;

export class Redactor {
  #forms = new Map();

  /** @param {Record<string, string>} secrets Name to value; the name takes the value's place in the text. */
  add(secrets) {
    for (const [name, value] of Object.entries(secrets)) {
      for (const form of forms(value)) {
        if (form.length >= SHORTEST_SECRET) this.#forms.set(form, `[${name}]`);
      }
    }
    // Longest first: a secret that contains another one is replaced as a whole.
    this.#forms = new Map([...this.#forms].sort(([a], [b]) => b.length - a.length));
  }

  /** @param {string} text */
  apply(text) {
    let clean = text;
    for (const [form, label] of this.#forms) clean = clean.replaceAll(form, label);
    return clean.replace(URI_PASSWORD, '$1:[password]@');
  }
}

function forms(value) {
  const password = passwordOf(value);
  return [value, ...password].flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text.toWellFormed()),
  ]);
}

/**
 * The password inside a connection string, as written and decoded: drivers print either. Not `URL`, which
 * refuses the several hosts of a replica set (`mongodb://user:password@a:27017,b:27017/`).
 */
function passwordOf(value) {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^/?#:@]*:([^/?#]*)@/i.exec(value)?.[1];
  if (!password) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
