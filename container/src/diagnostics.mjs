/**
 * An event stream made here, with no login, model or app behind it: proves that every hop streams.
 *
 * `GET /api/health/stream?chunks=N&interval_ms=M` sends N events, M milliseconds apart (0: as fast as they
 * are read), and a last one, `done`, with the SHA-256 of the data of all the others. It does not wait for
 * LibreChat. Further parameters:
 *
 * - `bytes=B`: each event carries B characters that do not compress.
 * - `stream=NAME`: in every event, so that a reader of many streams knows which one it reads.
 *
 * The events go the way of the app's own (`relay.mjs`), pings in silences included. The headers say which
 * execution environment answers, how many requests it has had with this one (1 after a cold start), and
 * after how much silence a ping is due (SSE_HEARTBEAT_MS).
 *
 * No login is needed, and each stream holds an execution environment, of which the account has a limited
 * number. A viewer who goes away does not release it: Lambda tells a function nothing of that, so a stream
 * ends by its own limits. Hence the token (access.mjs), which nobody without rights in the account can make,
 * and DIAGNOSTIC_STREAM, which says how much a stream may be: `short` (the default) is enough for the check
 * of every deploy, `full` for `inv smoke --long`, and `off` gives the path back to the app.
 *
 * A rehearsal must not take minutes. With `full` and `X-Rehearsal-Clock: C` the times of one request run
 * C times as fast: the interval, the limit of the whole, and the silence before a ping, which is the deployed
 * one divided by C. The local edge divides its timeouts likewise; on AWS nothing else knows the header.
 */

import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StreamLimitError, StreamRequestError } from './errors.mjs';
import { relayEvents } from './relay.mjs';
import { EVENT_STREAM_HEADERS, formatEvent, frameEvent } from './sse.mjs';

const PATH = '/api/health/stream';
/**
 * What one stream may be (docs/smoke.md says what that costs): the largest value of each parameter, and the
 * whole. The total counts for a reader that takes its time, too, so it is more than a stream is planned for.
 */
const LIMITS = Object.freeze({
  short: {
    each: { chunks: 1_000, interval_ms: 16_000, bytes: 65_536, clock: 1 },
    plannedMs: 16_000,
    totalMs: 20_000,
    totalBytes: 1024 * 1024,
  },
  full: {
    each: { chunks: 1_000, interval_ms: 100_000, bytes: 65_536, clock: 100 },
    plannedMs: 100_000,
    totalMs: 120_000,
    totalBytes: 20 * 1024 * 1024,
  },
});
const NAME = /^[\w-]{0,40}$/;

/** @param {import('./request.mjs').AppRequest} request */
export function isDiagnostic({ method, path }) {
  return method === 'GET' && path === PATH;
}

/**
 * @param {object} parts
 * @param {import('./request.mjs').AppRequest} parts.request
 * @param {import('./response.mjs').Response} parts.response
 * @param {import('./deadline.mjs').Deadline} parts.deadline
 * @param {'short' | 'full'} parts.allowed
 * @param {number} parts.heartbeatMs
 * @param {{ id: string, invocations: number }} parts.environment
 * @throws {StreamRequestError} when a parameter is not within the limits.
 */
export async function streamDiagnostics({ request, response, deadline, allowed, heartbeatMs, environment }) {
  const parameters = readParameters(request, allowed);
  const { clock } = parameters;
  const limit = LIMITS[allowed].totalMs / clock;
  deadline.shorten(limit, new StreamLimitError(`the diagnostic stream took longer than ${limit} ms`));
  const headers = {
    ...EVENT_STREAM_HEADERS,
    'x-environment-id': environment.id,
    'x-environment-invocations': String(environment.invocations),
    'x-heartbeat-ms': String(heartbeatMs),
  };
  response.start({ statusCode: 200, headers, multiValueHeaders: {} });
  await relayEvents(events(parameters, deadline.signal), response, deadline, heartbeatMs / clock);
  await response.end();
}

async function* events({ chunks, interval, bytes, stream, clock }, signal) {
  const began = performance.now();
  const elapsed = () => Math.round(performance.now() - began);
  const hash = createHash('sha256');
  for (let i = 1; i <= chunks; i += 1) {
    const fill = bytes > 0 ? randomBytes(Math.ceil(bytes * 0.75)).toString('base64').slice(0, bytes) : undefined;
    const text = JSON.stringify({ i, n: chunks, sent_ms: elapsed(), stream, fill });
    hash.update(text);
    yield Buffer.from(frameEvent('chunk', text, i));
    // On a fixed schedule: delays of single chunks do not add up.
    const due = began + (i * interval) / clock;
    if (i < chunks && interval > 0) await sleep(Math.max(0, due - performance.now()), undefined, { signal });
  }
  yield Buffer.from(formatEvent('done', { n: chunks, sent_ms: elapsed(), stream, sha256: hash.digest('hex') }));
}

function readParameters({ query, headers }, allowed) {
  const { each, plannedMs, totalBytes } = LIMITS[allowed];
  // `inv smoke` recognises the last words.
  const refuse = (reason) => new StreamRequestError(`${reason} (DIAGNOSTIC_STREAM=${allowed})`);
  const wholeNumber = (name, text, least) => {
    const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= each[name]) return number;
    throw refuse(`${name} must be a whole number from ${least} to ${each[name]}`);
  };
  const chunks = wholeNumber('chunks', query.get('chunks') ?? '20', 1);
  const interval = wholeNumber('interval_ms', query.get('interval_ms') ?? '100', 0);
  const bytes = wholeNumber('bytes', query.get('bytes') ?? '0', 0);
  const clock = wholeNumber('clock', headers['x-rehearsal-clock'] ?? '1', 1);
  const stream = query.get('stream') ?? undefined;
  if ((chunks - 1) * interval > plannedMs) throw refuse(`(chunks - 1) × interval_ms must not exceed ${plannedMs}`);
  if (chunks * bytes > totalBytes) throw refuse(`chunks × bytes must not exceed ${totalBytes}`);
  if (!NAME.test(stream ?? '')) throw new StreamRequestError('stream must be at most 40 letters, digits, - and _');
  return { chunks, interval, bytes, clock, stream };
}
