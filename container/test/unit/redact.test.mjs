/** Secrets in every form in which a program may print them: none, nor any longer piece, gets through. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Log } from '../../src/log.mjs';
import { Redactor } from '../../src/redact.mjs';
import { generator, SEED } from '../support/random.mjs';

function redactorOf(secrets) {
  const redactor = new Redactor();
  redactor.add(secrets);
  return redactor;
}

const PEM_LINES = [
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj',
  'MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu',
  'NMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ',
];
const PEM = `-----BEGIN PRIVATE KEY-----\n${PEM_LINES.join('\n')}\n-----END PRIVATE KEY-----\n`;

describe('a value of several lines', () => {
  test('is secret line by line, but for the lines that every key has', () => {
    const redactor = redactorOf({ KEY: PEM });
    for (const line of PEM_LINES) assert.equal(redactor.apply(`app: ${line}`), 'app: [KEY]');
    assert.equal(redactor.apply('-----BEGIN PRIVATE KEY-----'), '-----BEGIN PRIVATE KEY-----');
  });

  test('is found with the line breaks of another system, escaped, and wrapped at another width', () => {
    const printed = [PEM.replaceAll('\n', '\r\n'), JSON.stringify(PEM), JSON.stringify(JSON.stringify(PEM))];
    printed.push(PEM.replaceAll('\n', ''), PEM.replaceAll('\n', ' '), PEM.replaceAll('\n', '\\n'));
    printed.push(PEM_LINES.join('').replace(/(.{40})/g, '$1\n'));
    for (const text of printed) assertHidden(redactorOf({ KEY: PEM }).apply(text), PEM_LINES.join(''));
  });

  test('is found as lines where it was stored on one, with \\n in it', () => {
    const redactor = redactorOf({ KEY: PEM.replaceAll('\n', '\\n') });
    for (const line of PEM_LINES) assert.equal(redactor.apply(line), '[KEY]');
  });

  test('is found without the line break at its end', () => {
    assert.equal(redactorOf({ KEY: 'hunter-2\n' }).apply('is hunter-2!'), 'is [KEY]!');
  });
});

describe('a part of a value', () => {
  test('of twelve characters is secret, wherever it was cut', () => {
    const value = 'q8Zt-3vKp_7mXr!2wLs#9bNd';
    const redactor = redactorOf({ KEY: value });
    for (let at = 0; at + 12 <= value.length; at += 1) {
      assert.equal(redactor.apply(`<${value.slice(at, at + 12)}>`), '<[KEY]>', `from ${at}`);
    }
  });

  test('is each string of a value that is JSON, but no short one and no name', () => {
    const value = JSON.stringify({ type: 'oauth', client: { password: 'p4ss word+1' }, keys: ['k-12345678'] });
    const redactor = redactorOf({ OIDC: value });
    assert.equal(redactor.apply('p4ss word+1 k-12345678 oauth password'), '[OIDC] [OIDC] oauth password');
  });

  test('is the user and the password of a connection string, but no user that is a word', () => {
    const redactor = redactorOf({
      URI: 'mongodb://svc-chat-7:p%40ss%2Fw0rd@docdb:27017/chat',
      R: 'redis://librechat:abc123@r',
    });
    assert.equal(redactor.apply('svc-chat-7 p@ss/w0rd p%40ss%2Fw0rd'), '[URI] [URI] [URI]');
    assert.equal(redactor.apply('abc123 librechat docdb:27017'), '[R] librechat docdb:27017');
    const basic = Buffer.from('librechat:abc123').toString('base64');
    assert.equal(redactor.apply(`Basic ${basic}`), 'Basic [R]==');
  });

  test('is what a connection string of another kind calls a password', () => {
    const redactor = redactorOf({ SQL: 'Server=db.example;User=chat;Password=Tr0ub4dor;Encrypt=true' });
    assert.equal(redactor.apply('Tr0ub4dor at db.example'), '[SQL] at db.example');
  });

  test('is not the host or the path that others share', () => {
    const redactor = redactorOf({ URL: 'https://login.microsoftonline.com/v2.0', HOST: 'cache.example.com' });
    const line = 'GET https://login.microsoftonline.com/common';
    assert.equal(redactor.apply(line), line);
  });

  test('is no run of dashes', () => {
    assert.equal(redactorOf({ KEY: `x1${'-'.repeat(20)}y2` }).apply('-'.repeat(40)), '-'.repeat(40));
  });
});

test('a line without any space takes no longer than it is long', () => {
  const began = performance.now();
  redactorOf({ KEY: 'a-secret-value' }).apply('x'.repeat(200_000));
  assert.ok(performance.now() - began < 60_000, 'the square of it would be minutes');
});

/** How a program may write a text. */
const WRITTEN = {
  plain: (text) => text,
  json: (text) => JSON.stringify({ text }),
  'json in json': (text) => JSON.stringify(JSON.stringify({ text })),
  inspected: (text) => inspect({ text }, { breakLength: Infinity }),
  'with every character escaped': (text) =>
    [...Array(text.length)].map((_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  'in a URL': (text) => `?q=${encodeURIComponent(text)}`,
  'in a URL, in lower case': (text) => encodeURIComponent(text).replace(/%../g, (hex) => hex.toLowerCase()),
  'in a URL, twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'in a form': (text) => new URLSearchParams({ text }).toString(),
  'in HTML': (text) =>
    text.replace(/[&<>"']/g, (each) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[each]),
  'in HTML, by number': (text) => [...text].map((each) => `&#x${each.codePointAt(0).toString(16)};`).join(''),
  base64: (text) => Buffer.from(text).toString('base64'),
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'base64 in base64': (text) => Buffer.from(`Basic ${Buffer.from(text).toString('base64')}`).toString('base64'),
  'base64 in a URL': (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
  'json in base64': (text) => Buffer.from(JSON.stringify({ text })).toString('base64'),
  hex: (text) => Buffer.from(text).toString('hex'),
  'hex in upper case': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  'a buffer': (text) => inspect(Buffer.from(text)),
  'a buffer in json': (text) => JSON.stringify(Buffer.from(text)),
  'in color': (text) => `\u001b[1m\u001b[32m${text}\u001b[39m\u001b[0m`,
  'colored in the middle': (text) => `${text.slice(0, text.length / 2)}\u001b[31m${text.slice(text.length / 2)}`,
};
const ALPHABETS = {
  letters: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  hex: '0123456789abcdef',
  base64: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/',
  symbols: ' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~aA0',
  unicode: ['é', 'Þ', 'ð', '漢', 'ß', 'a', 'B', '7', ' ', '+', '😀'],
};

function assertHidden(text, value, what = '') {
  for (let at = 0; at + 12 <= value.length; at += 1) {
    assert.ok(!text.includes(value.slice(at, at + 12)), `${what}: ${value.slice(at, at + 12)} in ${text}`);
  }
  assert.ok(!text.includes(value), `${what}: ${value} in ${text}`);
}

function decoder(runs, encoding, offset) {
  return (text) => text.replace(runs, (run) => Buffer.from(run.slice(offset), encoding).toString('latin1'));
}

/** Undoes the writing, for a reader who wants the secret: what remains must not hold it. */
const READ = [
  (text) => text,
  (text) => text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
  (text) => text.replace(/\\u([0-9a-f]{4})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
  ...[0, 1, 2, 3].map((offset) => decoder(/[\w+/-]{8,}/g, 'base64', offset)),
  ...[0, 1].map((offset) => decoder(/[0-9a-f]{12,}/gi, 'hex', offset)),
];

for (const [kind, alphabet] of Object.entries(ALPHABETS)) {
  test(`random secrets of ${kind} are found in every writing (FUZZ_SEED=${SEED})`, () => {
    const { below, pick, text } = generator();
    for (let round = 0; round < 40; round += 1) {
      // Trimmed, as its parts are: a space at the edge is no secret.
      const value = `${text(1, 'xyzXYZ')}${text(12 + below(60), alphabet)}${text(1, 'xyzXYZ')}`;
      const redactor = redactorOf({ KEY: value });
      for (const [what, write] of Object.entries(WRITTEN)) {
        const [before, after] = [pick(['', 'a', 'ab', 'user:', ' ', '"']), pick(['', 'z', ':x', ' ', '"'])];
        const lines = [];
        new Log(redactor, (line) => lines.push(line)).info('app', { line: write(`${before}${value}${after}`) });
        const clean = redactor.apply(write(`${before}${value}${after}`));
        assert.ok(clean.includes('[KEY]'), `${what}: ${value} in ${clean}`);
        assert.equal(JSON.parse(lines[0]).msg, 'app');
        for (const printed of [clean, lines[0], JSON.parse(lines[0]).line]) {
          for (const read of READ) assertHidden(read(printed), value, what);
        }
      }
    }
  });
}
