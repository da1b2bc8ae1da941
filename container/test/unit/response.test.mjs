import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamError } from '../../src/errors.mjs';
import { toPrelude } from '../../src/response.mjs';

test('single headers are strings, repeated ones have their own place', () => {
  assert.deepEqual(toPrelude(200, ['Content-Type', 'text/html', 'Vary', 'Origin', 'Vary', 'Accept']), {
    statusCode: 200,
    headers: { 'content-type': 'text/html' },
    multiValueHeaders: { vary: ['Origin', 'Accept'] },
  });
});

test('cookies are never joined, because their dates hold commas', () => {
  const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'];
  const { headers, multiValueHeaders } = toPrelude(200, ['Set-Cookie', cookies[0], 'set-cookie', cookies[1]]);
  assert.deepEqual(multiValueHeaders, { 'set-cookie': cookies });
  assert.equal(headers['set-cookie'], undefined);
});

test('a single cookie is in multiValueHeaders too', () => {
  assert.deepEqual(toPrelude(200, ['Set-Cookie', 'a=1']).multiValueHeaders, { 'set-cookie': ['a=1'] });
});

test('headers of the connection do not reach the viewer', () => {
  const raw = ['Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=5', 'Transfer-Encoding', 'chunked'];
  assert.deepEqual(toPrelude(204, raw), { statusCode: 204, headers: {}, multiValueHeaders: {} });
});

test('headers beyond the 16 KB in which API Gateway looks for the delimiter are an error', () => {
  assert.throws(() => toPrelude(200, ['X-Large', 'x'.repeat(16 * 1024)]), UpstreamError);
});
