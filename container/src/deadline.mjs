/** The end of an invocation's time, as an AbortSignal that fires a little before Lambda's own timeout. */

import { DeadlineError } from './errors.mjs';

/** Enough to end a response properly: two seconds, or a tenth of a short timeout. */
const MARGIN_MS = 2_000;
const MARGIN_SHARE = 0.1;

export class Deadline {
  #context;
  #controller = new AbortController();
  #timers = [];

  /** @param {{ getRemainingTimeInMillis(): number }} context */
  constructor(context) {
    this.#context = context;
    const remaining = context.getRemainingTimeInMillis();
    const margin = Math.min(MARGIN_MS, remaining * MARGIN_SHARE);
    const ms = Math.max(0, Math.round(remaining - margin));
    this.shorten(ms, new DeadlineError(`no complete answer within ${ms} ms`));
  }

  get signal() {
    return this.#controller.signal;
  }

  /** Milliseconds until Lambda ends the invocation. */
  get remaining() {
    return Math.max(0, this.#context.getRemainingTimeInMillis());
  }

  /** Less time than Lambda gives: `ms` from now on, where that is less; `reason` says whose limit it is. */
  shorten(ms, reason) {
    // The first to fire counts: another abort of the same signal does nothing.
    this.#timers.push(setTimeout(() => this.#controller.abort(reason), ms));
  }

  /**
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>} rejects when the time is up first, with the reason of the signal.
   */
  async race(promise) {
    const { signal } = this;
    let stop;
    const expired = new Promise((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      // Raced all the same: a promise that nobody waits for would end the process when it rejects.
      if (signal.aborted) stop();
    });
    try {
      return await Promise.race([expired, promise]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  dispose() {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
