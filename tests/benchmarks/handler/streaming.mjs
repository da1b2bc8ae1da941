/** One candidate's turns: a function that lives for several of them, so that turns can be short. */

import { Started } from './candidates.mjs';

const WARM_UP = 60;
const VOLUME = 20 * 1024 * 1024;
/** Lambda refuses a larger buffered response. */
const BUFFERED_QUOTA = 6 * 1024 * 1024;

/**
 * @typedef {object} Amounts Of one turn.
 * @property {number} turns Turns that one process lives for; then it is started anew.
 * @property {number} requests
 * @property {number} events
 * @property {number} interval Between two events, in milliseconds.
 */
export class Streaming {
  #candidate;
  #started;
  #turns = 0;

  constructor(candidate) {
    this.#candidate = candidate;
  }

  /**
   * @param {Amounts} amounts
   * @returns {Promise<Record<string, number>>} Milliseconds, MB/s, requests/s, MB; without what cannot be
   *   had. `ready_ms` only where the turn began with a start.
   */
  async turn({ turns, requests, events, interval }) {
    const ready = this.#turns % turns === 0 ? await this.#startAnew() : {};
    this.#turns += 1;
    const small = await requestsOneByOne(this.#started, requests);
    const delays = await stream(this.#started, events, interval);
    return {
      ...ready,
      ...small,
      event_p50_ms: quantile(delays, 0.5),
      event_p99_ms: quantile(delays, 0.99),
      ...(await transfer(this.#started)),
      memory_mb: this.#started.memory(),
    };
  }

  async stop() {
    await this.#started?.stop();
    this.#started = undefined;
  }

  async #startAnew() {
    await this.stop();
    this.#started = await Started.start(this.#candidate);
    await this.#started.ready();
    const { runtime, startedAt } = this.#started;
    for (let i = 0; i < WARM_UP; i += 1) await this.#started.invoke('/api/small');
    await stream(this.#started, 20, 1);
    await transfer(this.#started);
    return { ready_ms: runtime.readyAt - startedAt };
  }
}

async function requestsOneByOne(started, requests) {
  const firstBytes = [];
  await started.runtime.idle();
  const cpu = started.cpu();
  const began = process.hrtime.bigint();
  for (let i = 0; i < requests; i += 1) {
    const answer = await started.invoke('/api/small');
    if (!answer.complete) throw new Error(`a small answer broke off: ${started.lastWords}`);
    firstBytes.push(answer.firstAt - answer.dispatchedAt);
  }
  // The last one has been served when the runtime asks for the next.
  await started.runtime.idle();
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  return {
    first_p50_ms: quantile(firstBytes, 0.5),
    first_p99_ms: quantile(firstBytes, 0.99),
    requests_s: requests / seconds,
    cpu_ms: (started.cpu() - cpu) / requests,
  };
}

/** From each event's being written by the app to its arrival as a whole. */
async function stream(started, count, interval) {
  const delays = [];
  let rest = '';
  const onBody = (chunk, at) => {
    const pieces = (rest + chunk.toString()).split('\n\n');
    rest = pieces.pop();
    for (const piece of pieces) delays.push(at - JSON.parse(piece.slice('data: '.length)).sent);
  };
  await started.invoke('/api/events', { count: String(count), interval: String(interval) }, { onBody });
  if (delays.length !== count) throw new Error(`${delays.length} of ${count} events came`);
  return delays;
}

async function transfer(started) {
  const answer = await started.invoke('/api/volume', { bytes: String(VOLUME) });
  if (!answer.streamed && answer.bytes > BUFFERED_QUOTA) return {};
  if (answer.bytes !== VOLUME) throw new Error(`${answer.bytes} of ${VOLUME} bytes came`);
  return { volume_mb_s: VOLUME / 1e6 / ((answer.endedAt - answer.dispatchedAt) / 1000) };
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
