/**
 * An event stream made here, with no login, model or app behind it: proves that every hop streams.
 *
 * `GET /api/health/stream?chunks=N&interval_ms=M` sends N events, M milliseconds apart (0: as fast as they
 * are read), and a last one, `done`, with the SHA-256 of the data of all the others. It does not wait for
 * LibreChat. DIAGNOSTIC_STREAM=off gives the path back to the app. Further parameters:
 *
 * - `bytes=B`: each event carries B characters that do not compress.
 * - `stream=NAME`: in every event, so that a reader of many streams knows which one it reads.
 *
 * The events go the way of the app's own (`relay.mjs`), pings in silences included. The headers say which
 * execution environment answers, and how many requests it has had with this one: 1 after a cold start.
 *
 * A rehearsal must not take minutes. With `X-Rehearsal-Clock: C` the times of one request run C times as
 * fast: the interval, the limit of the whole, and the silence before a ping, which is the deployed one
 * divided by C. The local edge divides its timeouts likewise; on AWS nothing else knows the header.
 */

import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from './errors.mjs';
import { relayEvents } from './relay.mjs';
import { EVENT_STREAM_HEADERS, formatEvent } from './sse.mjs';

const PATH = '/api/health/stream';
/**
 * Anybody can call this: the limits bound what one call costs (docs/smoke.md has the price). The total
 * counts for a reader that takes its time, too, so it is more than a stream is planned for.
 */
const LIMITS = Object.freeze({ chunks: 1_000, interval_ms: 100_000, bytes: 65_536, clock: 100 });
const PLANNED_MS = 100_000;
const TOTAL_MS = 120_000;
const TOTAL_BYTES = 20 * 1024 * 1024;
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
 * @param {number} parts.heartbeatMs
 * @param {{ id: string, invocations: number }} parts.environment
 * @throws {RequestError} when a parameter is not within the limits.
 */
export async function streamDiagnostics({ request, response, deadline, heartbeatMs, environment }) {
  const parameters = readParameters(request);
  const { clock } = parameters;
  deadline.shorten(TOTAL_MS / clock);
  const headers = {
    ...EVENT_STREAM_HEADERS,
    'x-environment-id': environment.id,
    'x-environment-invocations': String(environment.invocations),
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
    const data = { i, n: chunks, sent_ms: elapsed(), stream, fill };
    hash.update(JSON.stringify(data));
    yield Buffer.from(formatEvent('chunk', data, i));
    // On a fixed schedule: delays of single chunks do not add up.
    const due = began + (i * interval) / clock;
    if (i < chunks && interval > 0) await sleep(Math.max(0, due - performance.now()), undefined, { signal });
  }
  yield Buffer.from(formatEvent('done', { n: chunks, sent_ms: elapsed(), stream, sha256: hash.digest('hex') }));
}

function readParameters({ query, headers }) {
  const chunks = wholeNumber('chunks', query.get('chunks') ?? '20', 1);
  const interval = wholeNumber('interval_ms', query.get('interval_ms') ?? '100', 0);
  const bytes = wholeNumber('bytes', query.get('bytes') ?? '0', 0);
  const clock = wholeNumber('clock', headers['x-rehearsal-clock'] ?? '1', 1);
  const stream = query.get('stream') ?? undefined;
  if ((chunks - 1) * interval > PLANNED_MS) {
    throw new RequestError(`(chunks - 1) × interval_ms must not exceed ${PLANNED_MS}`);
  }
  if (chunks * bytes > TOTAL_BYTES) throw new RequestError(`chunks × bytes must not exceed ${TOTAL_BYTES}`);
  if (!NAME.test(stream ?? '')) throw new RequestError('stream must be at most 40 letters, digits, - and _');
  return { chunks, interval, bytes, clock, stream };
}

function wholeNumber(name, text, least) {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= LIMITS[name]) return number;
  throw new RequestError(`${name} must be a whole number from ${least} to ${LIMITS[name]}`);
}
