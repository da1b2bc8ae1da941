/**
 * Waits until the app says that it is healthy (FR-028a: at most 60 attempts, 500 ms apart).
 *
 * LibreChat answers unknown paths with 200 and index.html, so only the body `OK` counts. The attempt after
 * the app has begun to listen does not wait for its turn: on average that would cost every cold start a
 * quarter of a second. It says so when it listens, so whatever it says is the moment to look; looking every
 * few milliseconds would take CPU from the very start that it waits for.
 */

import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const ATTEMPTS = 60;
export const INTERVAL_MS = 500;
const HEALTHY = 'OK';
const BODY_SHOWN = 60;

/**
 * @typedef {object} Health
 * @property {boolean} healthy
 * @property {number} attempts How many requests were made.
 * @property {number} [answeredAt] `performance.now()` of the first HTTP answer of any kind.
 * @property {string} [reason] Why the last attempt did not count.
 */

/**
 * @param {object} options
 * @param {number} options.port
 * @param {() => boolean} options.running Polling stops as soon as this is false.
 * @param {Promise<unknown>} options.exited Settles when the process ends.
 * @param {() => Promise<unknown>} [options.said] Resolves at the app's next line of output.
 * @param {number} [options.attempts]
 * @param {number} [options.intervalMs]
 * @returns {Promise<Health>} never rejects.
 */
export async function pollHealth({
  port,
  running,
  exited,
  said = () => exited,
  attempts = ATTEMPTS,
  intervalMs = INTERVAL_MS,
}) {
  let answeredAt;
  let reason;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const turn = sleep(intervalMs, undefined, { ref: false });
    // Before the attempt: what is said meanwhile counts.
    const heard = said();
    const answer = await probe(port, intervalMs);
    if (answer.answered) answeredAt ??= performance.now();
    if (answer.healthy) return { healthy: true, attempts: attempt, answeredAt };
    reason = answer.reason;
    const early = answer.refused ? [listening(port, turn, running, heard, said)] : [];
    if (attempt < attempts) await Promise.race([turn, exited, ...early]);
    if (!running()) return { healthy: false, attempts: attempt, answeredAt, reason };
  }
  return { healthy: false, attempts, answeredAt, reason };
}

/** Resolves when somebody listens; looks at each sign of life until the turn of the next attempt. */
async function listening(port, turn, running, heard, said) {
  let over = false;
  const end = turn.then(() => (over = true));
  let sign = heard;
  while (!over && running()) {
    await Promise.race([sign, end]);
    sign = said();
    if (await connects(port)) return;
  }
}

async function connects(port) {
  const socket = net.connect({ host: '127.0.0.1', port });
  const connected = await once(socket, 'connect').then(() => true, () => false);
  socket.destroy();
  return connected;
}

function probe(port, timeoutMs) {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = http.get(
      { host: '127.0.0.1', port, path: '/health', agent: false, signal },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
        response.on('error', () => resolve({ answered: true, reason: 'the answer broke off' }));
        response.on('end', () => {
          const healthy = response.statusCode === 200 && body.trim() === HEALTHY;
          const start = JSON.stringify(body.slice(0, BODY_SHOWN));
          resolve({ answered: true, healthy, reason: `status ${response.statusCode}, body ${start}` });
        });
      },
    );
    request.on('error', (error) => {
      const reason = error.name === 'AbortError' ? `no answer in ${timeoutMs} ms` : error.message || error.code;
      resolve({ answered: false, refused: error.code === 'ECONNREFUSED', reason });
    });
  });
}
