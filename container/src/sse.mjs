/**
 * Server-sent events: where an event ends, and the heartbeat between events.
 *
 * The heartbeat is a named event that nobody listens to. A comment (`: ping`) breaks LibreChat's client:
 * sse.js 2.5.0 fires an empty message for it, JSON.parse throws, and a real event in the same read is lost.
 */

/** Headers of every event stream made here; `no-transform` keeps compression and proxies from buffering. */
export const EVENT_STREAM_HEADERS = Object.freeze({
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
});

const PING = 'event: ping\ndata: 1\n\n';
/** An empty line, in each line ending that the standard allows. A lone `\r` may be half of a `\r\n`. */
const END_OF_EVENT = /(?:\n\n|\r\r|\n\r\n|\r\r\n)$/;
const TAIL = 4;

/** @param {string} name @param {unknown} data */
export const formatEvent = (name, data, id) => frameEvent(name, JSON.stringify(data), id);

/** @param {string} name @param {string} text One line, as it is sent. */
export function frameEvent(name, text, id) {
  const identity = id === undefined ? '' : `id: ${id}\n`;
  return `event: ${name}\n${identity}data: ${text}\n\n`;
}

/** @param {string | undefined} contentType */
export function isEventStream(contentType) {
  return /^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? '');
}

/** Follows a stream of bytes and knows whether it stands between two events. */
export class EventBoundary {
  #tail = '';

  /** @param {Buffer} chunk */
  push(chunk) {
    this.#tail = (this.#tail + chunk.subarray(-TAIL).toString('latin1')).slice(-TAIL);
  }

  get between() {
    return this.#tail === '' || END_OF_EVENT.test(this.#tail);
  }
}

/** Calls `send` with a ping after each silence of `intervalMs`, but only between two events. */
export class Heartbeat {
  #timer;

  /**
   * @param {object} options
   * @param {number} options.intervalMs 0 switches it off.
   * @param {() => boolean} options.allowed
   * @param {(ping: string) => void} options.send
   */
  constructor({ intervalMs, allowed, send }) {
    if (intervalMs === 0) return;
    this.#timer = setTimeout(() => {
      if (allowed()) send(PING);
      this.#timer.refresh();
    }, intervalMs);
  }

  /** The stream was not silent. */
  touch() {
    this.#timer?.refresh();
  }

  stop() {
    clearTimeout(this.#timer);
  }
}
