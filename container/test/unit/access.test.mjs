import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { Access } from '../../src/access.mjs';
import { diagnosticToken, ORIGIN_KEY, ORIGIN_KEY_HASHES } from '../support/access.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const access = new Access(ORIGIN_KEY_HASHES);

describe('a request from CloudFront', () => {
  const admits = (...values) => access.admits({ multiValueHeaders: { 'X-Origin-Key': values } });

  test('has the one key whose digest is known', () => {
    assert.equal(admits(ORIGIN_KEY), true);
    assert.equal(access.admits({ headers: { 'x-origin-key': ORIGIN_KEY } }), true);
  });

  test('may have any of several keys, while they are rotated', () => {
    const both = new Access(`${sha256('new')},${sha256('old')}`);
    for (const [key, admitted] of [['new', true], ['old', true], ['older', false]]) {
      assert.equal(both.admits({ headers: { 'x-origin-key': key } }), admitted, key);
    }
  });

  test('has it once: a second value comes from somebody else', () => {
    assert.equal(admits('guess', ORIGIN_KEY), false);
    assert.equal(admits(ORIGIN_KEY, ORIGIN_KEY), false);
    assert.equal(admits(`guess, ${ORIGIN_KEY}`), false);
    const spelled = { 'X-Origin-Key': [ORIGIN_KEY], 'x-origin-key': ['guess'] };
    assert.equal(access.admits({ multiValueHeaders: spelled }), false);
  });

  for (const event of [
    null,
    undefined,
    'text',
    {},
    { headers: null },
    { headers: { 'x-origin-key': null } },
    { headers: { 'x-origin-key': '' } },
    { headers: { 'x-origin-key': ORIGIN_KEY_HASHES } },
    { multiValueHeaders: { 'x-origin-key': null } },
    { multiValueHeaders: { 'x-origin-key': [null] } },
    { multiValueHeaders: { 'x-origin-key': [{}] } },
  ]) {
    test(`is not ${JSON.stringify(event)}`, () => assert.equal(access.admits(event), false));
  }

  test('is not asked for a key where none is configured', () => {
    for (const unset of [undefined, '']) assert.equal(new Access(unset).admits({}), true);
  });

  for (const hashes of ['secret', ORIGIN_KEY_HASHES.toUpperCase(), `${ORIGIN_KEY_HASHES}, `, ',']) {
    test(`is not guessed from a malformed setting: ${hashes}`, () => {
      const malformed = new Access(hashes);
      assert.equal(malformed.wellFormed, false);
      assert.equal(malformed.admits({}), false);
    });
  }
});

describe('the diagnostic stream', () => {
  const now = Math.floor(Date.now() / 1000);
  const allows = (token, by = access) =>
    by.allowsDiagnostics({ multiValueHeaders: { 'X-Diagnostic-Token': [token].flat() } }, now);
  const lasting = (seconds) => diagnosticToken(seconds + now - Math.floor(Date.now() / 1000));

  test('is open to a token that is good for up to 15 minutes', () => {
    for (const seconds of [1, 600, 900]) assert.equal(allows(lasting(seconds)), true, `${seconds} s`);
  });

  test('is closed to one that has expired, or that would outlast them', () => {
    for (const seconds of [-1, 0, 901, 86_400]) assert.equal(allows(lasting(seconds)), false, `${seconds} s`);
  });

  test('takes a token of any of the keys', () => {
    const other = sha256('other');
    assert.equal(allows(diagnosticToken(600, other), new Access(`${ORIGIN_KEY_HASHES},${other}`)), true);
    assert.equal(allows(diagnosticToken(600, other)), false);
  });

  test('is closed to what is no token, and to two of them', () => {
    const good = lasting(600);
    const [expires, hmac] = good.split('.');
    const wrong = ['', '.', expires, `${expires}.`, `.${hmac}`, `0${good}`, `${good}0`, ` ${good}`, good.toUpperCase()];
    for (const token of [...wrong, `${expires}.${'0'.repeat(64)}`, `${Number(expires) + 1}.${hmac}`]) {
      assert.equal(allows(token), false, token);
    }
    assert.equal(allows([good, good]), false);
    for (const event of [null, {}, { headers: null }]) assert.equal(access.allowsDiagnostics(event), false);
  });

  test('is closed to everybody where no key is configured', () => {
    assert.equal(allows(lasting(600), new Access('')), false);
    assert.equal(allows(diagnosticToken(600, ''), new Access(undefined)), false);
  });
});
