/** What callers and operators see when something goes wrong, through the real aws-lambda-ric. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNoSecrets, get, startLambda, until, withLambda } from '../support/lambda.mjs';

describe('an app that crashes', () => {
  let lambda;
  before(async () => {
    lambda = await startLambda();
  });
  after(() => lambda.stop());

  test('during a request: 502 with the request id, its last lines in the log alone; then a new app', async () => {
    await get(lambda, '/api/health');
    const { prelude, text, json } = await get(lambda, '/api/crash', { method: 'POST', body: '{}' });
    assert.equal(prelude.statusCode, 502);
    assert.equal(prelude.headers['content-type'], 'application/json; charset=utf-8');
    const { requestId, ...rest } = json();
    assert.match(requestId, /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, { error: 'LibreChat failed to answer' }, 'the rest may be about other viewers');
    const failed = lambda.logged('request_failed').at(-1);
    assert.deepEqual([failed.requestId, failed.reason], [requestId, 'LibreChat exited with status 3 during the request']);
    const exit = lambda.logged('app_exit').at(-1);
    assert.equal(exit.requestId, requestId);
    assert.equal(exit.output.at(-1), 'Fatal: cannot go on with [JWT_SECRET]');
    assertNoSecrets(text + lambda.output.join('\n'));

    assert.equal((await get(lambda, '/api/health')).text, 'OK');
  });

  test('after the first bytes of an event stream: an error event, and an error in the trailers', async () => {
    const { prelude, text } = await get(lambda, '/api/chat/crash');
    assert.equal(prelude.statusCode, 200);
    assert.equal(text, 'data: first\n\nevent: error\ndata: {"text":"LibreChat failed to answer"}\n\n');
    const { type, message } = await lambda.lastError();
    assert.deepEqual([type, message], ['UpstreamError', 'LibreChat failed to answer']);
    const { reason } = lambda.logged('request_failed').at(-1);
    assert.equal(reason, 'LibreChat exited with status 3 during the request');
  });

  test('between two requests is replaced before the next one', async () => {
    assert.equal((await get(lambda, '/api/health')).text, 'OK');
    const before = (await lambda.notes('starts')).length;
    const exits = lambda.logged('app_exit').length;
    assert.equal((await get(lambda, '/api/leave')).text, 'leaving');
    await until(() => lambda.logged('app_exit').length > exits);
    assert.equal((await get(lambda, '/api/health')).text, 'OK');
    assert.equal((await lambda.notes('starts')).length, before + 1);
  });

  test('and is not yet known to be dead costs no request: nothing had reached it', async () => {
    assert.equal((await get(lambda, '/api/dying')).text, 'dying');
    const { prelude, json } = await get(lambda, '/api/echo', { method: 'POST', body: 'x' });
    assert.deepEqual([prelude.statusCode, json().length], [200, 1]);
  });

  test('in the middle of any other body: the response breaks off with an error in the trailers', async () => {
    const { prelude, text } = await get(lambda, '/api/half');
    assert.deepEqual([prelude.statusCode, text], [200, 'half']);
    const { type, message } = await lambda.lastError();
    assert.deepEqual([type, message], ['UpstreamError', 'LibreChat failed to answer']);
    assert.match(lambda.logged('request_failed').at(-1).reason, /the connection broke/);
    assert.equal((await get(lambda, '/api/health')).text, 'OK');
  });
});

test(
  "Lambda's timeout during a cold start: 504, and in the log what the app said so far",
  withLambda({ timeout: 6, env: { APP_BOOT_MS: '60000', APP_SAYS: 'MongoDB is not reachable' } }, async (lambda) => {
    const { prelude, json } = await get(lambda, '/api/health');
    assert.equal(prelude.statusCode, 504);
    assert.deepEqual(Object.keys(json()), ['error', 'requestId']);
    const [failed] = lambda.logged('request_failed');
    assert.equal(failed.requestId, json().requestId);
    assert.match(failed.reason, /LibreChat was still starting$/);
    assert.deepEqual(failed.output, ['MongoDB is not reachable']);
  }),
);

describe("Lambda's timeout", () => {
  let lambda;
  before(async () => {
    lambda = await startLambda({ timeout: 2, env: { SSE_HEARTBEAT_MS: '0' } });
    // A slow machine needs more than one of these short invocations to start the app.
    await until(async () => (await get(lambda, '/api/health')).text === 'OK');
  });
  after(() => lambda.stop());

  test('before the first byte: 504, and the app learns that nobody waits', async () => {
    const { prelude } = await get(lambda, '/api/hang');
    assert.equal(prelude.statusCode, 504);
    assert.match(lambda.logged('request_failed').at(-1).reason, /no complete answer within \d+ ms/);
    await until(async () => (await lambda.notes('abandoned')).includes('/api/hang'));
  });

  test('between two events: a last event says so, and the stream ends properly', async () => {
    const { text } = await get(lambda, '/api/chat/endless');
    const last = 'event: error\ndata: {"text":"The time limit of the function was reached"}\n\n';
    assert.equal(text, `data: first\n\n${last}`);
    assert.equal(await lambda.lastError(), null);
    await until(async () => (await lambda.notes('abandoned')).includes('/api/chat/endless'));
  });

  test('inside an event: nothing is added to it, the stream breaks off', async () => {
    const { text } = await get(lambda, '/api/chat/torn');
    assert.equal(text, 'data: fir');
    assert.equal((await lambda.lastError()).type, 'DeadlineError');
  });

  test('ends a diagnostic stream that was asked to be longer, with the same last event', async () => {
    const { text } = await get(lambda, '/api/health/stream', { query: { chunks: ['10'], interval_ms: ['500'] } });
    assert.match(text, /\n\nevent: error\ndata: {"text":"The time limit of the function was reached"}\n\n$/);
    assert.equal(await lambda.lastError(), null);
    assert.equal((await get(lambda, '/api/health')).text, 'OK');
  });
});
