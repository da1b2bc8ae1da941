/** Requests through the real aws-lambda-ric to a healthy app. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { diagnosticToken } from '../support/access.mjs';
import { GATEWAY_REQUEST_ID, restEvent, SECRETS, startLambda, until } from '../support/lambda.mjs';

let lambda;
before(async () => {
  lambda = await startLambda({ env: { SSE_HEARTBEAT_MS: '100', DIAGNOSTIC_STREAM: 'full' } });
});
after(() => lambda.stop());
const get = (path, options, reading) => lambda.invoke(restEvent(path, options), reading);

describe('a request', () => {
  test('to /api/health is answered OK by the app', async () => {
    const { contentType, prelude, text } = await get('/api/health');
    assert.equal(contentType, 'application/vnd.awslambda.http-integration-response');
    assert.deepEqual([prelude.statusCode, text], [200, 'OK']);
  });

  test('reaches the app with method, query, headers, cookies and the bytes of its body', async () => {
    const body = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
    const answer = await lambda.invoke(
      restEvent('/api/echo', {
        method: 'POST',
        query: { a: ['1', '2 3'] },
        headers: { Cookie: ['x=1', 'y=2'], 'Content-Type': ['multipart/form-data; boundary=b'] },
        body: body.toString('base64'),
        base64: true,
      }),
    );
    const seen = answer.json();
    assert.deepEqual([seen.method, seen.url, seen.length], ['POST', '/api/echo?a=1&a=2%203', body.length]);
    assert.equal(seen.sha256, createHash('sha256').update(body).digest('hex'));
    assert.deepEqual(seen.headers.cookie, ['x=1; y=2']);
    assert.deepEqual(seen.headers.host, ['lambda-test.sandbox.data.apro.is']);
    assert.deepEqual(seen.headers['x-forwarded-for'], ['203.0.113.9']);
    assert.deepEqual(seen.headers['x-forwarded-proto'], ['https']);
  });

  test('with a cookie in UTF-8, as other pages of the domain may set it, arrives as the same bytes', async () => {
    const { json } = await get('/api/echo', { headers: { Cookie: ['name=Þórdís \u{1f600}'] } });
    const [cookie] = json().headers.cookie;
    assert.equal(Buffer.from(cookie, 'latin1').toString('utf8'), 'name=Þórdís \u{1f600}');
  });

  test('with a header that HTTP forbids is refused, not fatal', async () => {
    const { prelude, json } = await get('/api/echo', { headers: { 'X-Bad': ['a\u0000b'] } });
    assert.deepEqual([prelude.statusCode, json().error], [400, 'Bad request']);
  });

  test('that is no REST API event is refused, not fatal', async () => {
    const { multiValueHeaders } = restEvent('/');
    const { prelude, json } = await lambda.invoke({ source: 'aws.events', multiValueHeaders });
    assert.deepEqual([prelude.statusCode, json().error], [400, 'Bad request']);
    assert.match(lambda.logged('request_failed').at(-1).reason, /REST API/);
  });

  test('reaches the app without the key of CloudFront, and without a token', async () => {
    const { json } = await get('/api/echo', { headers: { 'X-Diagnostic-Token': [diagnosticToken()] } });
    const names = Object.keys(json().headers);
    assert.ok(!names.includes('x-origin-key') && !names.includes('x-diagnostic-token'), names.join());
  });

  for (const [what, event] of [
    ['no key', restEvent('/api/health', { headers: { 'X-Origin-Key': [] } })],
    ['another key', restEvent('/api/health/stream', { headers: { 'X-Origin-Key': ['guess'] } })],
    ['nothing in it', null],
  ]) {
    test(`with ${what} is not from CloudFront: 403, and one line in the log`, async () => {
      const { prelude, json } = await lambda.invoke(event);
      assert.equal(prelude.statusCode, 403);
      const { requestId, ...rest } = json();
      assert.deepEqual(rest, { error: 'Forbidden' });
      const lines = () => lambda.output.filter((line) => line.includes(`"requestId":"${requestId}"`));
      await until(() => lines().length > 0);
      assert.equal(lines().length, 1);
      assert.equal(JSON.parse(lines()[0]).status, 403);
    });
  }
});

describe('a response', () => {
  test('keeps two cookies apart and drops the headers of the connection', async () => {
    const { prelude } = await get('/api/login', { method: 'POST', body: '{}' });
    assert.deepEqual(prelude.multiValueHeaders['set-cookie'], [
      'refreshToken=a; HttpOnly; Path=/',
      'token_provider=librechat; Path=/',
    ]);
    assert.deepEqual(Object.keys(prelude.headers).sort(), ['content-type', 'date']);
  });

  for (const [path, method, status] of [
    ['/api/none', 'GET', 204],
    ['/api/same', 'GET', 304],
    ['/api/echo', 'HEAD', 200],
  ]) {
    test(`without a body (${method} ${status}) still has its prelude`, async () => {
      const { contentType, prelude, body } = await get(path, { method });
      assert.equal(contentType, 'application/vnd.awslambda.http-integration-response');
      assert.deepEqual([prelude.statusCode, body.length], [status, 0]);
    });
  }

  test('of 20 MB arrives byte for byte', async () => {
    const size = 20 * 1024 * 1024;
    const { prelude, body } = await get('/api/file', { query: { size: [String(size)] } });
    assert.equal(prelude.headers['content-type'], 'image/png');
    assert.equal(body.length, size);
    const block = Buffer.from(Array.from({ length: 65_536 }, (_, index) => index % 256));
    for (let at = 0; at < size; at += block.length) {
      assert.ok(body.subarray(at, at + block.length).equals(block), `at byte ${at}`);
    }
  });

  test('waits for a slow reader instead of piling up in memory', async () => {
    const size = 150 * 1024 * 1024;
    const { body } = await lambda.invoke(restEvent('/api/file', { query: { size: [String(size)] } }), {
      pauseMs: 1_000,
    });
    assert.equal(body.length, size);
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${lambda.pid}/status`, 'utf8'))[1]);
    assert.ok(peak < 150 * 1024, `the runtime held ${peak} kB at its peak`);
  });

  test('with headers beyond 16 KB is a clear 502 instead of a malformed prelude', async () => {
    const { prelude, json } = await get('/api/headers');
    assert.equal(prelude.statusCode, 502);
    assert.equal(json().error, 'LibreChat failed to answer');
  });

  test('that cannot be handed on is dropped: the app does not keep writing to nobody', async () => {
    const { prelude } = await get('/api/headers/endless');
    assert.equal(prelude.statusCode, 502);
    await until(async () => (await lambda.notes('abandoned')).includes('/api/headers/endless'));
  });
});

describe('an event stream', () => {
  test('that is compressed gets no pings between its bytes', async () => {
    const { prelude, body } = await get('/api/chat/compressed');
    assert.equal(prelude.headers['content-encoding'], 'gzip');
    assert.equal(gunzipSync(body).toString(), 'data: compressed\n\n');
  });

  test('arrives event by event: the app writes the next one only when the last one is here', async () => {
    const read = (soFar) => {
      const events = soFar.match(/event: message\n/g)?.length ?? 0;
      writeFileSync(join(lambda.tmp, 'events-read'), String(events));
    };
    const { prelude, text } = await get('/api/chat/stepwise', {}, { onRead: read });
    assert.equal(prelude.headers['cache-control'], 'no-cache, no-transform');
    assert.equal(text.match(/^event: message$/gm).length, 5);
  });

  test('gets pings in silences between events, never inside one', async () => {
    const { text } = await get('/api/chat/pauses');
    assert.match(text, /^data: first\n\n(event: ping\ndata: 1\n\n)+data: second\n\n$/);
  });

});

describe('the diagnostic stream', () => {
  /** Its events: type, id, and data, parsed. */
  const eventsOf = (text) =>
    text.trim().split('\n\n').map((event) => {
      const fields = Object.fromEntries(event.split('\n').map((line) => line.split(/: (.*)/s)));
      return { type: fields.event, id: fields.id, raw: fields.data, data: JSON.parse(fields.data) };
    });
  const diagnose = (query, headers = {}, reading = undefined) => {
    const listed = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [String(value)]]));
    return get('/api/health/stream', { query: listed, headers }, reading);
  };

  for (const [what, tokens] of [
    ['no', []],
    ['an expired', [diagnosticToken(0)]],
    ["somebody else's", [diagnosticToken(600, 'f'.repeat(64))]],
  ]) {
    test(`is refused to a caller with ${what} token, whatever is asked for`, async () => {
      const { prelude, json } = await diagnose({ chunks: 'x' }, { 'X-Diagnostic-Token': tokens });
      assert.equal(prelude.statusCode, 403);
      const { error, requestId, ...rest } = json();
      assert.deepEqual([error, rest], ['The diagnostic stream needs a token of inv smoke', {}]);
      assert.ok(requestId);
    });
  }

  test('needs no app behind it', async () => {
    const { prelude, text } = await diagnose({ chunks: 4, interval_ms: 50 });
    assert.equal(prelude.statusCode, 200);
    assert.match(prelude.headers['content-type'], /^text\/event-stream/);
    assert.equal(prelude.headers['cache-control'], 'no-cache, no-transform');
    const events = eventsOf(text).filter(({ type }) => type !== 'ping');
    assert.deepEqual(events.map(({ type }) => type), [...Array(4).fill('chunk'), 'done']);
    const numbers = events.slice(0, 4).map(({ id, data }) => [id, data.i, data.n]);
    assert.deepEqual(numbers, [['1', 1, 4], ['2', 2, 4], ['3', 3, 4], ['4', 4, 4]]);
    assert.ok(events[3].data.sent_ms >= 145, `not 50 ms apart: ${text}`);
  });

  test('carries as much as asked for, with a hash of it, and its own name', async () => {
    const { text } = await diagnose({ chunks: 40, interval_ms: 0, bytes: 65_536, stream: 'a-1' });
    const events = eventsOf(text).filter(({ type }) => type !== 'ping');
    const chunks = events.slice(0, -1);
    assert.deepEqual(chunks.map(({ data }) => [data.stream, data.fill.length]), Array(40).fill(['a-1', 65_536]));
    const hash = createHash('sha256').update(chunks.map(({ raw }) => raw).join('')).digest('hex');
    assert.equal(events.at(-1).data.sha256, hash);
  });

  test('gets the pings of every event stream in its silences', async () => {
    const { text } = await diagnose({ chunks: 2, interval_ms: 1_000 });
    assert.match(text, /^event: chunk\n.*\n.*\n\n(event: ping\ndata: 1\n\n)+event: chunk\n/);
  });

  test('runs on a faster clock, heartbeat included, when a rehearsal asks for it', async () => {
    // 100 s of silence with a ping every 100 ms / 50 = 2 ms: 2 s.
    const { text, ms } = await diagnose({ chunks: 2, interval_ms: 100_000 }, { 'X-Rehearsal-Clock': ['50'] });
    assert.equal(eventsOf(text).filter(({ type }) => type === 'chunk').length, 2);
    assert.ok(ms >= 1_990, `ended after ${ms} ms`);
    assert.ok(text.match(/event: ping/g).length > 20, 'pings of the slow clock');
  });

  test('says which environment answers, and for the how-manieth time', async () => {
    const [first, second] = [await diagnose({ chunks: 1 }), await diagnose({ chunks: 1 })].map(
      ({ prelude }) => prelude.headers,
    );
    assert.match(first['x-environment-id'], /^[0-9a-f-]{36}$/);
    assert.equal(second['x-environment-id'], first['x-environment-id']);
    assert.equal(Number(second['x-environment-invocations']), Number(first['x-environment-invocations']) + 1);
  });

  test('ends after its time, however slowly it is read', async () => {
    // 120 s / 100, and a reader that pauses for longer.
    const query = { chunks: 320, interval_ms: 0, bytes: 65_536 };
    const { body } = await diagnose(query, { 'X-Rehearsal-Clock': ['100'] }, { pauseMs: 3_000 });
    assert.ok(body.length < 20 * 1024 * 1024, `${body.length} bytes`);
    await until(() => lambda.logged('request_failed').some(({ reason }) => reason.includes('longer than 1200 ms')));
    assert.equal((await get('/api/health')).text, 'OK');
  });

  for (const query of [
    { chunks: 1_001 },
    { chunks: 0 },
    { chunks: '1e1' },
    { interval_ms: 100_001 },
    { chunks: 3, interval_ms: 50_001 },
    { chunks: 321, bytes: 65_536 },
    { bytes: 65_537 },
    { stream: 'a b' },
  ]) {
    test(`has limits: ${JSON.stringify(query)}`, async () => {
      const { prelude, json } = await diagnose(query);
      assert.equal(prelude.statusCode, 400);
      assert.match(json().error, /^Bad request: /);
    });
  }

  for (const clock of ['0', '101', 'fast']) {
    test(`has no clock of ${clock}`, async () => {
      const { prelude, json } = await diagnose({}, { 'X-Rehearsal-Clock': [clock] });
      assert.equal(prelude.statusCode, 400);
      assert.match(json().error, /^Bad request: clock/);
    });
  }
});

describe('the app', () => {
  test('gets its secrets, its config and its writable places, but not the credentials', async () => {
    const env = (await get('/api/env')).json();
    assert.equal(env.JWT_SECRET, SECRETS.JWT_SECRET);
    assert.equal(env.MONGO_URI, SECRETS.MONGO_URI);
    assert.equal(env.NODE_ENV, 'production');
    assert.equal(env.HOST, '127.0.0.1');
    assert.equal(env.TRUST_PROXY, '1');
    assert.equal(env.LIBRECHAT_LOG_DIR, join(lambda.tmp, 'logs'));
    assert.equal(env.CONFIG_PATH, join(lambda.tmp, 'librechat.yaml'));
    assert.equal(env.AWS_ENDPOINT_URL, lambda.aws.endpoint);
    assert.equal(env.AWS_ACCESS_KEY_ID, undefined);
    assert.equal(env.AWS_SESSION_TOKEN, undefined);
    assert.equal(env.ORIGIN_KEY_HASHES, undefined);
    assert.equal((await stat(env.AWS_SHARED_CREDENTIALS_FILE)).mode & 0o777, 0o600);
  });

  test('keeps running from one request to the next', async () => {
    const first = (await get('/api/env')).json().pid;
    assert.equal((await get('/api/env')).json().pid, first);
    assert.equal((await lambda.notes('starts')).length, 1);
  });
});

describe('the log', () => {
  test('says how long each phase of the cold start took', () => {
    const [line] = lambda.logged('cold_start');
    const names = ['boot', 'config', 'filesystem', 'import', 'poll', 'secrets'];
    assert.deepEqual(Object.keys(line.phases).sort(), names);
    for (const ms of [line.ms, ...Object.values(line.phases)]) assert.ok(ms >= 0, JSON.stringify(line));
  });

  test('has one line per request with status, bytes and time, without its query', async () => {
    await get('/oauth/openid/callback', { query: { code: ['one-time-code'] } });
    let line;
    await until(() => (line = lambda.logged('request').find(({ path }) => path === '/oauth/openid/callback')));
    assert.deepEqual([line.method, line.path, line.status], ['GET', '/oauth/openid/callback', 200]);
    assert.match(line.requestId, /^[0-9a-f-]{36}$/);
    assert.equal(line.gatewayRequestId, GATEWAY_REQUEST_ID);
    assert.ok(!lambda.output.join('\n').includes('one-time-code'));
  });
});
