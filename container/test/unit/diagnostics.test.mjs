/** What one diagnostic stream may be. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { streamDiagnostics } from '../../src/diagnostics.mjs';
import { StreamRequestError } from '../../src/errors.mjs';

/** Asks for a stream; gives what was written, and after how many milliseconds it would have been ended. */
async function ask(allowed, query, headers = {}) {
  const written = [];
  let ms;
  let reason;
  let prelude;
  const response = {
    idle: true,
    start: (given) => {
      prelude = given;
    },
    write: async (chunk) => void written.push(String(chunk)),
    end: async () => {},
  };
  const deadline = {
    signal: new AbortController().signal,
    shorten: (...given) => {
      [ms, reason] = given;
    },
  };
  const request = { query: new URLSearchParams(query), headers };
  const environment = { id: 'e1', invocations: 1 };
  await streamDiagnostics({ request, response, deadline, allowed, heartbeatMs: 15_000, environment });
  return { ms, reason, prelude, text: written.join('') };
}

describe('short streams', () => {
  test('are ended after 20 s, however slowly they are read', async () => {
    const { ms, text } = await ask('short', { chunks: 16, interval_ms: 0, bytes: 65_536 });
    assert.equal(ms, 20_000);
    assert.match(text, /event: done/);
  });

  for (const [what, query, headers] of [
    ['a silence of more than 16 s', { chunks: 2, interval_ms: 16_001 }],
    ['more than 16 s in all', { chunks: 18, interval_ms: 1_000 }],
    ['more than 1 MiB', { chunks: 17, bytes: 65_536 }],
    ['a clock of its own', { chunks: 1 }, { 'x-rehearsal-clock': '2' }],
  ]) {
    test(`are not ${what}, and the refusal names the setting`, async () => {
      const refused = (error) => error instanceof StreamRequestError && error.error.includes('DIAGNOSTIC_STREAM=short');
      await assert.rejects(ask('short', query, headers), refused);
    });
  }
});

test('its own limit is not called the time limit of the function', async () => {
  const { reason } = await ask('full', { chunks: 1 });
  assert.equal(reason.error, 'The time limit of the diagnostic stream was reached');
  assert.equal(reason.message, 'the diagnostic stream took longer than 120000 ms');
});

test('the headers say after how much silence a ping is due, whatever clock was asked for', async () => {
  const { prelude } = await ask('full', { chunks: 1 }, { 'x-rehearsal-clock': '10' });
  assert.equal(prelude.headers['x-heartbeat-ms'], '15000');
});

test('full streams are ended after 120 s of the clock that was asked for', async () => {
  const query = { chunks: 2, interval_ms: 100 };
  assert.equal((await ask('full', query)).ms, 120_000);
  assert.equal((await ask('full', query, { 'x-rehearsal-clock': '10' })).ms, 12_000);
  await assert.rejects(ask('full', { chunks: 3, interval_ms: 50_001 }), /DIAGNOSTIC_STREAM=full/);
});
