/** Whatever happens to a secret on its way into a line, no part of it is read there. */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Redactor } from '../../src/redact.mjs';
import { randomOf } from '../support/random.mjs';

/** The longest part that may be left, by the rule of the redactor: one less than it recognizes. */
const PART = 12;

function redactorOf(secrets) {
  const redactor = new Redactor();
  redactor.add(secrets);
  return redactor;
}

/** Fails when `text` holds a run of `secret` that the redactor should have recognized. */
function assertNone(text, secret, what) {
  for (let start = 0; start + PART <= secret.length; start += 1) {
    const part = secret.slice(start, start + PART);
    assert.ok(!text.includes(part), `${what}: ${JSON.stringify(part)} is in ${JSON.stringify(text)}`);
  }
}

const PEM = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;

describe('a key of several lines', () => {
  const redactor = redactorOf({ PRIVATE_KEY: PEM });
  const lines = PEM.trim().split('\n').slice(1, -1);
  for (const [what, text] of [
    ['line by line', PEM.split('\n').map((line) => redactor.apply(line)).join('\n')],
    ['as a whole', redactor.apply(PEM)],
    ['in JSON', redactor.apply(JSON.stringify({ key: PEM }))],
    ['in JSON in JSON', redactor.apply(JSON.stringify(JSON.stringify({ key: PEM })))],
    ['as Node shows an object', redactor.apply(inspect({ key: PEM }))],
    ['with Windows line ends', redactor.apply(PEM.replaceAll('\n', '\r\n'))],
    ['with literal \\n', redactor.apply(PEM.replaceAll('\n', '\\n'))],
    ['in one line', redactor.apply(PEM.replaceAll('\n', ' '))],
    ['indented', redactor.apply(PEM.replaceAll('\n', '\n      '))],
    ['in a query', redactor.apply(`?key=${encodeURIComponent(PEM)}`)],
    ['in a form', redactor.apply(new URLSearchParams({ key: PEM }).toString())],
    ['in base64', redactor.apply(Buffer.from(PEM).toString('base64'))],
  ]) {
    test(`is not read ${what}`, () => {
      for (const line of lines) assertNone(text, line, what);
    });
  }

  test('leaves the frames of other keys as they are', () => {
    assert.equal(redactor.apply('-----BEGIN PRIVATE KEY-----'), '-----BEGIN PRIVATE KEY-----');
  });
});

describe('any secret in any form', () => {
  const random = randomOf('REDACTION_SEED');
  const alphabets = ['abcdefghijklmnopqrstuvwxyz0123456789', 'aB3/+=&%"\'<>\\ $#@!~`{}[]|;:,.?-_*^', 'aðóÞ😀é ñ9'];
  const secretOf = () => {
    const alphabet = [...alphabets[random.below(alphabets.length)]];
    return `s${Array.from({ length: 15 + random.below(40) }, () => alphabet[random.below(alphabet.length)]).join('')}t`;
  };
  const base64 = (text) => Buffer.from(text).toString('base64');
  const forms = {
    'as it is': (text) => text,
    'with a line break': (text) => `${text}\n`,
    'in JSON': (text) => JSON.stringify({ a: text }),
    'in JSON in JSON': (text) => JSON.stringify(JSON.stringify({ a: text })),
    'percent-encoded': encodeURIComponent,
    'percent-encoded in lower case': (text) => encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
    'in a form': (text) => new URLSearchParams({ a: text }).toString(),
    'in HTML': (text) => text.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]),
    'in base64': base64,
    'in base64url': (text) => Buffer.from(text).toString('base64url'),
    'as basic credentials': (text) => base64(`user:${text}`),
    'in the base64 of JSON': (text) => base64(JSON.stringify({ a: 1, b: text, c: 'x' })),
    'in hex': (text) => Buffer.from(text).toString('hex'),
    'in upper-case hex': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  };
  for (const [what, form] of Object.entries(forms)) {
    test(`is not read ${what}`, () => {
      for (let round = 0; round < 60; round += 1) {
        const secret = secretOf();
        const text = `before ${form(secret)} after`;
        const clean = redactorOf({ NAME: secret }).apply(text);
        assertNone(clean, secret, what);
        // Neither is what it was turned into: all of it but the edges that its neighbours decide.
        const core = form(secret).includes(secret) ? '' : form(secret).slice(-PART - 8, -8);
        if (core.length === PART && what.startsWith('in hex')) assert.ok(!clean.includes(core), clean);
      }
    });
  }

  test('is not read when only its middle is there, or it was cut in two', () => {
    for (let round = 0; round < 60; round += 1) {
      const secret = secretOf();
      const redactor = redactorOf({ NAME: secret });
      assertNone(redactor.apply(`…${secret.slice(3)}`), secret, 'the end');
      assertNone(redactor.apply(`${secret.slice(0, -3)}…`), secret, 'the beginning');
    }
  });

  test('in a secret that is JSON itself counts by itself', () => {
    for (let round = 0; round < 20; round += 1) {
      const secret = secretOf();
      const redactor = redactorOf({ DB: JSON.stringify({ engine: 'mongo', nested: [{ password: secret }] }) });
      assertNone(redactor.apply(`login with ${secret} failed`), secret, 'a leaf');
    }
  });
});

describe('what is no secret', () => {
  test('stays: the hosts and options of a connection string, and ordinary words', () => {
    const redactor = redactorOf({
      MONGO_URI: 'mongodb://app:p4ssw0rd-of-mongo@docdb.cluster.eu-west-1.docdb.amazonaws.com:27017/librechat?tls=true',
      CLIENT_ID: '7h3cl13n71d0fc09n170',
    });
    const line = 'cannot reach docdb.cluster.eu-west-1.docdb.amazonaws.com:27017, database librechat';
    assert.equal(redactor.apply(line), line);
  });
});
