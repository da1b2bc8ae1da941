/**
 * Events and responses that nobody would send on purpose: no crash, no hang, no header that was not there.
 *
 * FUZZ_SEED=N tries others.
 */

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { RequestError, UpstreamError } from '../../src/errors.mjs';
import { toRequest } from '../../src/request.mjs';
import { toPrelude } from '../../src/response.mjs';
import { send } from '../../src/upstream.mjs';
import { randomOf } from '../support/random.mjs';

const random = randomOf('FUZZ_SEED');
const settings = { publicHost: 'chat.example.com' };
const PIECES = [
  ...['', 'a', 'Ð', '😀', '\ud800', '\u0000', '\r\n', '\n', '\r', '\t', ' ', '%', '%2e%2e', '%00', '%zz', '..', '/'],
  ...['?', '#', ':', ';', ',', '=', '&', '"', "'", '\\', '\u007f', '\u0085', '\u2028', '\u202e', '<', '127.0.0.1'],
  ...['\r\nX-Injected: 1', ' HTTP/1.1\r\nHost: evil\r\n\r\n', 'chunked', 'close', 'A'.repeat(300)],
];
const NAMES = [
  ...['Host', 'X-Forwarded-For', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Cookie', 'X-Origin-Key'],
  ...['Accept', 'accept', 'Expect', 'Upgrade', 'TE', 'X-A', 'x-a', 'X-Diagnostic-Token', '__proto__', 'constructor'],
];
const text = () => Array.from({ length: random.below(5) }, () => random.pick(PIECES)).join('');
const name = () => (random.below(8) === 0 ? text() : random.pick(NAMES));
const odd = () => random.pick([null, undefined, 1, true, {}, [], [null], [1], [[]], 'x', [{}]]);
const map = (value) => Object.fromEntries(Array.from({ length: random.below(5) }, () => [name(), value()]));
const rarely = (usual) => (random.below(12) === 0 ? odd() : usual());
const list = () => Array.from({ length: random.below(3) }, () => rarely(text));
const lists = () => rarely(() => map(() => rarely(list)));

function event() {
  if (random.below(40) === 0) return odd();
  return {
    httpMethod: rarely(() => random.pick(['GET', 'POST', 'get', 'OPTIONS', 'A B', 'CONNECT', text()])),
    path: rarely(() => `/api/${text()}`),
    multiValueHeaders: lists(),
    headers: rarely(() => map(() => rarely(text))),
    multiValueQueryStringParameters: lists(),
    queryStringParameters: rarely(() => map(() => rarely(text))),
    requestContext: rarely(() => ({ requestId: 'r', identity: rarely(() => ({ sourceIp: rarely(text) })) })),
    body: rarely(text),
    isBase64Encoded: random.pick([true, false, null, 'x']),
  };
}

describe('5,000 events', () => {
  let server;
  let received;
  before(async () => {
    server = http.createServer((request, response) => {
      received = request;
      request.resume().on('end', () => response.end('ok'));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => server.close());

  test('become a request that HTTP carries as one, or a 400', async () => {
    let carried = 0;
    for (let round = 0; round < 5_000; round += 1) {
      const given = event();
      received = undefined;
      try {
        const request = toRequest(given, settings);
        const answer = await send(server.address().port, request, AbortSignal.timeout(30_000));
        answer.resume();
        await new Promise((resolve) => answer.once('end', resolve));
      } catch (error) {
        // Node's own parser, on the far side, may refuse what Node has sent: to the viewer a 502.
        assert.ok(error instanceof RequestError || error.code, `${error.stack} of ${JSON.stringify(given)}`);
        continue;
      }
      if (!received) continue;
      carried += 1;
      const { headers } = received;
      assert.equal(headers.host, settings.publicHost);
      assert.equal(headers['x-injected'], undefined, JSON.stringify(given));
      assert.equal(headers['x-origin-key'], undefined);
      assert.equal(headers['x-diagnostic-token'], undefined);
      assert.ok(net.isIP(headers['x-forwarded-for']), headers['x-forwarded-for']);
    }
    assert.ok(carried > 500, `only ${carried} were carried`);
  });
});

describe('8,000 responses', () => {
  test('become a prelude of strings that API Gateway takes, or a 502', () => {
    let accepted = 0;
    for (let round = 0; round < 8_000; round += 1) {
      const status = random.pick([200, 204, 301, 404, 500, 599, 600, 999, 199, 100, 0, -1, NaN, undefined]);
      const headers = Array.from({ length: random.below(8) }, () => [name() || 'x', text()]).flat();
      let prelude;
      try {
        prelude = toPrelude(status, headers);
      } catch (error) {
        assert.ok(error instanceof UpstreamError, `${error.stack} of ${JSON.stringify([status, headers])}`);
        continue;
      }
      accepted += 1;
      assert.ok(prelude.statusCode >= 200 && prelude.statusCode <= 599);
      const sent = JSON.parse(JSON.stringify(prelude));
      const names = new Set(headers.filter((_, index) => index % 2 === 0).map((each) => each.toLowerCase()));
      for (const [key, value] of Object.entries(sent.headers)) {
        assert.ok(names.has(key) && typeof value === 'string', key);
      }
      for (const [key, values] of Object.entries(sent.multiValueHeaders)) {
        assert.ok(names.has(key) && values.every((value) => typeof value === 'string'), key);
      }
      // The eight NUL bytes after it are the first: JSON escapes any of its own.
      assert.ok(!JSON.stringify(prelude).includes('\u0000'));
    }
    assert.ok(accepted > 1_000, `only ${accepted} were accepted`);
  });
});
