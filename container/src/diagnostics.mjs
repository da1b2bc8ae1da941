/**
 * An event stream made here, with no login, model or app behind it: proves that every hop streams.
 *
 * `GET /api/health/stream?chunks=N&interval_ms=M` sends N events, M milliseconds apart. It does not wait
 * for LibreChat. DIAGNOSTIC_STREAM=off gives the path back to the app.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from './errors.mjs';
import { EVENT_STREAM_HEADERS, formatEvent } from './sse.mjs';

const PATH = '/api/health/stream';
/** Anybody can call this: the limits bound what one call costs. */
const LIMITS = Object.freeze({ chunks: 100, interval_ms: 5_000, total_ms: 60_000 });
const DEFAULTS = Object.freeze({ chunks: 20, interval_ms: 100 });

/** @param {import('./request.mjs').AppRequest} request */
export function isDiagnostic({ method, path }) {
  return method === 'GET' && path === PATH;
}

/**
 * @param {import('./request.mjs').AppRequest} request
 * @param {import('./response.mjs').Response} response
 * @param {AbortSignal} signal
 * @throws {RequestError} when a parameter is not a whole number within the limits.
 */
export async function streamDiagnostics({ query }, response, signal) {
  const chunks = wholeNumber(query, 'chunks', 1);
  const interval = wholeNumber(query, 'interval_ms', 0);
  if (chunks * interval > LIMITS.total_ms) {
    throw new RequestError(`chunks × interval_ms must not exceed ${LIMITS.total_ms}`);
  }
  response.start({ statusCode: 200, headers: EVENT_STREAM_HEADERS, multiValueHeaders: {} });
  const began = performance.now();
  for (let i = 1; i <= chunks; i += 1) {
    await response.write(formatEvent('chunk', { i, n: chunks, sent_ms: elapsed(began) }, i));
    // On a fixed schedule: delays of single chunks do not add up.
    if (i < chunks) await sleep(Math.max(0, began + i * interval - performance.now()), undefined, { signal });
  }
  await response.write(formatEvent('done', { n: chunks, sent_ms: elapsed(began) }));
  await response.end();
}

const elapsed = (began) => Math.round(performance.now() - began);

function wholeNumber(query, name, least) {
  const text = query.get(name) ?? String(DEFAULTS[name]);
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= LIMITS[name]) return number;
  throw new RequestError(`${name} must be a whole number from ${least} to ${LIMITS[name]}`);
}
