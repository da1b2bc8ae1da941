/** The life of an execution environment: its start, its pauses, and what follows a response. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoSecrets, get, until, withLambda } from '../support/lambda.mjs';

describe('a cold start that fails', { concurrency: 3 }, () => {
  test(
    'for want of a secret: 503, named in the log, again at each invocation, until it is there',
    withLambda({ env: { LIBRECHAT_SSM_PARAMETERS: '{"OPENID_CLIENT_ID":"/idp/client_id"}' } }, async (lambda) => {
      for (let i = 0; i < 2; i += 1) {
        const { prelude, json } = await get(lambda, '/api/health');
        assert.deepEqual([prelude.statusCode, prelude.headers['retry-after']], [503, '5']);
        const { requestId, ...rest } = json();
        assert.deepEqual(rest, { error: 'LibreChat could not be started', phase: 'secrets' });
        const failed = lambda.logged('request_failed').at(-1);
        assert.equal(failed.requestId, requestId);
        assert.equal(failed.reason, 'SSM parameters not found: OPENID_CLIENT_ID (/idp/client_id)');
      }
      assert.deepEqual(await lambda.notes('starts'), []);
      lambda.aws.parameters['/idp/client_id'] = 'client';
      assert.equal((await get(lambda, '/api/health')).text, 'OK');
    }),
  );

  test(
    'for want of librechat.yaml: 503, the app is not started on defaults; diagnosis still streams',
    withLambda({ config: null }, async (lambda) => {
      const { prelude, json } = await get(lambda, '/api/health');
      assert.deepEqual([prelude.statusCode, json().phase], [503, 'config']);
      const [{ reason }] = lambda.logged('request_failed');
      assert.match(reason, /s3:\/\/config\/librechat\.yaml could not be read: NoSuchKey/);
      assert.deepEqual(await lambda.notes('starts'), []);
      const stream = await get(lambda, '/api/health/stream', { query: { chunks: ['1'] } });
      assert.match(stream.text, /event: done/);
    }),
  );

  test(
    'because a setting is missing: 503, named in the log',
    withLambda({ env: { CONFIG_S3_BUCKET: '' } }, async (lambda) => {
      const { json } = await get(lambda, '/api/health');
      assert.equal(json().phase, 'settings');
      assert.equal(lambda.logged('request_failed')[0].reason, 'CONFIG_S3_BUCKET is not set');
    }),
  );

  test(
    'because the image lacks its links: 503, named in the log',
    withLambda({ home: { withoutLinks: true } }, async (lambda) => {
      const { json } = await get(lambda, '/api/health');
      assert.equal(json().phase, 'filesystem');
      assert.match(lambda.logged('request_failed')[0].reason, /not writable: .*uploads/);
    }),
  );

  test(
    'because the app exits: 503, its last lines in the log without secrets, and no poll to its end',
    withLambda({ env: { APP_EXIT: '1' } }, async (lambda) => {
      const { prelude, json } = await get(lambda, '/api/health');
      assert.deepEqual([prelude.statusCode, json().phase], [503, 'app']);
      const [failed] = lambda.logged('request_failed');
      assert.equal(failed.reason, 'LibreChat exited with status 1 while starting');
      assert.deepEqual(failed.output, ['MONGO_URI is wrong: [MONGO_URI]']);
      assertNoSecrets(lambda.output.join('\n'));
      assert.equal((await lambda.notes('starts')).length, 2, 'once in the init phase, once more for the request');
    }),
  );
});

describe('a slow cold start', { concurrency: 2 }, () => {
  test(
    'does not hold up the init phase: the request waits in its own invocation',
    withLambda({ env: { APP_BOOT_MS: '12000' } }, async (lambda) => {
      // Init was over long before the app was up: the next event had been asked for.
      assert.match((await get(lambda, '/api/health/stream', { query: { chunks: ['1'] } })).text, /event: done/);
      assert.deepEqual(lambda.logged('cold_start'), []);
      assert.equal((await get(lambda, '/api/health')).text, 'OK');
      assert.equal((await lambda.notes('starts')).length, 1);
    }),
  );

  test(
    'is waited for in init when concurrency is provisioned',
    withLambda(
      { env: { APP_BOOT_MS: '9300', AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency' } },
      async (lambda) => {
        const stream = await get(lambda, '/api/health/stream', { query: { chunks: ['1'] } });
        assert.ok(stream.ms > 5_000, `answered while the app was still starting: ${stream.ms} ms`);
        await until(() => lambda.logged('cold_start').length === 1);
      },
    ),
  );
});

describe('after the end of an event stream', () => {
  test(
    'the client has its answer, and the app gets time to save it before the environment may freeze',
    withLambda({ env: { RESPONSE_GRACE_MS: '6000', APP_SAVES_AFTER_MS: '3000' } }, async (lambda) => {
      await get(lambda, '/api/health');
      await get(lambda, '/api/chat', { method: 'POST', body: '{}' });
      assert.deepEqual(await lambda.notes('after-the-end'), [], 'the client did not wait for it');
      await get(lambda, '/api/health');
      // The next event was asked for only after the grace.
      assert.deepEqual(await lambda.notes('after-the-end'), ['title saved']);
    }),
  );

  test(
    'other responses get none: the environment is free at once',
    withLambda({ env: { RESPONSE_GRACE_MS: '600000' } }, async (lambda) => {
      await get(lambda, '/api/login', { method: 'POST', body: '{}' });
      assert.equal((await get(lambda, '/api/health')).text, 'OK');
    }),
  );
});

test(
  'an environment that was frozen serves the next request as if nothing had happened',
  withLambda({}, async (lambda) => {
    const { pid } = (await get(lambda, '/api/env')).json();
    process.kill(lambda.pid, 'SIGSTOP');
    process.kill(pid, 'SIGSTOP');
    // Longer than the 5 s after which Node closes idle connections.
    await sleep(5_500);
    process.kill(pid, 'SIGCONT');
    process.kill(lambda.pid, 'SIGCONT');
    for (let i = 0; i < 3; i += 1) assert.equal((await get(lambda, '/api/health')).text, 'OK');
  }),
);

test(
  'with DIAGNOSTIC_STREAM=off the path belongs to the app',
  withLambda({ env: { DIAGNOSTIC_STREAM: 'off' } }, async (lambda) => {
    assert.equal((await get(lambda, '/api/health/stream')).text, '<!doctype html>');
  }),
);

test(
  'while the app is still starting, a stranger is refused at once',
  withLambda({ env: { APP_BOOT_MS: '600000' } }, async (lambda) => {
    const strangers = [
      await get(lambda, '/api/health', { headers: { 'X-Origin-Key': ['guess'] } }),
      await get(lambda, '/api/health/stream', { headers: { 'X-Diagnostic-Token': [] } }),
    ];
    assert.deepEqual(strangers.map(({ prelude }) => prelude.statusCode), [403, 403]);
    assert.deepEqual(lambda.logged('cold_start'), []);
  }),
);

test(
  'without ORIGIN_KEY_HASHES anybody gets to the app, and nobody the diagnostic stream',
  withLambda({ env: { ORIGIN_KEY_HASHES: '' } }, async (lambda) => {
    assert.equal((await get(lambda, '/api/health', { headers: { 'X-Origin-Key': [] } })).text, 'OK');
    assert.equal((await get(lambda, '/api/health/stream')).prelude.statusCode, 403);
  }),
);

test(
  'with malformed ORIGIN_KEY_HASHES nobody gets in, and the log says why',
  withLambda({ env: { ORIGIN_KEY_HASHES: 'not-a-digest' } }, async (lambda) => {
    assert.equal((await get(lambda, '/api/health')).prelude.statusCode, 403);
    const [{ phase, reason }] = lambda.logged('cold_start_failed');
    assert.equal(phase, 'settings');
    assert.match(reason, /^ORIGIN_KEY_HASHES is not a list of SHA-256 digests/);
  }),
);
