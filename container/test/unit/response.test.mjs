import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Duplex, PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { UpstreamError } from '../../src/errors.mjs';
import { Response, toPrelude } from '../../src/response.mjs';

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

for (const status of [0, 99, 100, 103, 199, 600, 999, Number.NaN, undefined]) {
  test(`a status of ${status} is an error, not an answer`, () => {
    assert.throws(() => toPrelude(status, []), UpstreamError);
  });
}

for (const [name, value] of [
  ['X-Bad', 'a\r\nSet-Cookie: b=1'],
  ['X-Bad', 'a\0b'],
  ['X Bad', 'a'],
  ['X-B\nad', 'a'],
  ['', 'a'],
]) {
  test(`a header that HTTP forbids is an error: ${JSON.stringify([name, value])}`, () => {
    assert.throws(() => toPrelude(200, [name, value]), UpstreamError);
  });
}

describe('a response on its way to the Runtime API', () => {
  /** A connection that remembers what was handed to it at once: each would be a system call. */
  class Wire extends Duplex {
    sent = [];

    _read() {}

    _write(chunk, _, done) {
      this.sent.push(chunk.toString());
      done();
    }

    _writev(chunks, done) {
      this.sent.push(chunks.map(({ chunk }) => chunk.toString()).join(''));
      done();
    }
  }

  before(() => {
    // As aws-lambda-ric does it, but for the delimiter.
    const from = (stream, prelude) => {
      const write = stream.write.bind(stream);
      let first = true;
      stream.write = (chunk) => {
        if (first) write(JSON.stringify(prelude));
        first = false;
        return write(chunk);
      };
      return stream;
    };
    globalThis.awslambda = { HttpResponseStream: { from } };
  });
  after(() => delete globalThis.awslambda);

  async function start() {
    const wire = new Wire();
    const request = http.request({ method: 'POST', path: '/response', createConnection: () => wire });
    request.on('error', () => {});
    if (!request.socket) await once(request, 'socket');
    const response = new Response(request, new AbortController().signal);
    response.start({ statusCode: 200 });
    return { wire, request, response };
  }

  test('leaves whole in one piece when its body is already there', async () => {
    const { wire, request, response } = await start();
    const body = new PassThrough();
    body.end('all of it');
    await response.writeAll(body);
    await response.end();
    assert.equal(wire.sent.length, 1);
    assert.match(wire.sent[0], /^POST [^]*\{"statusCode":200\}[^]*all of it[^]*0\r\n/);
    assert.equal(response.bytes, 'all of it'.length);
    request.destroy();
  });

  test('starts without waiting for a body', async () => {
    const { wire, request } = await start();
    await setImmediate();
    assert.equal(wire.sent.length, 1);
    assert.match(wire.sent[0], /\{"statusCode":200\}/);
    request.destroy();
  });

  test('that breaks off at its source is a failure', async () => {
    const { request, response } = await start();
    const body = new PassThrough();
    const relayed = response.writeAll(body);
    body.write('half');
    body.destroy(new Error('the connection broke'));
    await assert.rejects(relayed, /the connection broke/);
    request.destroy();
  });
});
