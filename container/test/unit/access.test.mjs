/** Who may call the function, and who may have its diagnostic stream. */

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { requireCloudFront, requireToken } from '../../src/access.mjs';
import { ForbiddenError } from '../../src/errors.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const HASHES = ['now', 'next', 'before'].map(sha256);
const refused = (error) => error instanceof ForbiddenError && error.status === 403 && error.error === 'Forbidden';

describe('a request through CloudFront', () => {
  for (const key of ['now', 'next', 'before']) {
    test(`is let in with the key of a rotation under way: ${key}`, () => {
      requireCloudFront({ multiValueHeaders: { 'X-Origin-Key': [key] } }, HASHES);
      requireCloudFront({ headers: { 'x-origin-key': key } }, HASHES);
    });
  }

  test('is let in without a key where none is set up', () => requireCloudFront({}, undefined));
});

describe('a request around CloudFront is refused', () => {
  for (const [what, event] of [
    ['without the header', { multiValueHeaders: { Accept: ['*/*'] } }],
    ['without any headers', {}],
    ['that is no event', null],
    ['with nulls', { multiValueHeaders: null, headers: { 'x-origin-key': null } }],
    ['with a wrong key', { multiValueHeaders: { 'x-origin-key': ['then'] } }],
    ['with the hash in place of the key', { multiValueHeaders: { 'x-origin-key': [HASHES[0]] } }],
    ['with two keys', { multiValueHeaders: { 'x-origin-key': ['now', 'now'] } }],
    ['with two spellings', { multiValueHeaders: { 'x-origin-key': ['now'], 'X-ORIGIN-KEY': ['now'] } }],
    ['with two keys in one line', { multiValueHeaders: { 'x-origin-key': ['now,now'] } }],
    ['with an empty key', { headers: { 'x-origin-key': '' } }],
  ]) {
    test(what, () => assert.throws(() => requireCloudFront(event, HASHES), refused));
  }

  test('by everybody when the setting is malformed', () => {
    assert.throws(() => requireCloudFront({ headers: { 'x-origin-key': 'now' } }, []), refused);
  });
});

describe('a token of the diagnostic stream', () => {
  const NOW = 1_800_000_000;
  const make = (expires, key = HASHES[0]) =>
    `${expires}.${createHmac('sha256', key).update(`diagnostic-stream:${expires}`).digest('hex')}`;
  const check = (...tokens) => requireToken({ multiValueHeaders: { 'X-Diagnostic-Token': tokens } }, HASHES, NOW * 1000);

  test('opens it until it expires', () => {
    check(make(NOW + 1));
    check(make(NOW + 900));
    check(make(NOW + 60, HASHES[2]));
  });

  for (const [what, token] of [
    ['is missing', undefined],
    ['has expired', make(NOW)],
    ['is good for longer than any may be', make(NOW + 901)],
    ['was made with another key', make(NOW + 60, sha256('other'))],
    ['was prolonged', make(NOW + 60).replace(/^\d+/, String(NOW + 61))],
    ['is cut off', make(NOW + 60).slice(0, -2)],
    ['is no token', 'x'],
    ['counts in another way', make(`${NOW + 60}.0`)],
  ]) {
    test(`does not when it ${what}`, () => {
      assert.throws(() => check(...(token === undefined ? [] : [token])), /no valid token/);
    });
  }

  test('opens nothing twice over, and nothing where there is no key', () => {
    assert.throws(() => check(make(NOW + 60), make(NOW + 60)), ForbiddenError);
    const event = { headers: { 'x-diagnostic-token': make(NOW + 60) } };
    assert.throws(() => requireToken(event, undefined, NOW * 1000), ForbiddenError);
  });
});
