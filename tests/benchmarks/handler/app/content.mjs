/**
 * What every app under measurement sends: the same events at the same cadence, the same bytes.
 *
 * Times are of the machine's monotonic clock, in milliseconds: sender and receiver are two processes.
 */

import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

export const EVENT_STREAM = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };
export const BINARY = { 'content-type': 'application/octet-stream' };
export const COOKIES = ['refreshToken=a; Path=/; HttpOnly', 'token_provider=librechat; Path=/'];
export const SMALL = { id: 'chat', text: 'a small answer', items: [1, 2, 3], nested: { ok: true } };

/** About what a piece of a chat message weighs. */
const PADDING = 'x'.repeat(160);
const CHUNK = Buffer.alloc(64 * 1024, 'The quick brown fox jumps over the lazy dog. ');
/** Every byte value, none of it valid UTF-8 for long. */
export const EVERY_BYTE = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) % 256));
export const EVERY_BYTE_HASH = createHash('sha256').update(EVERY_BYTE).digest('hex');

export const now = () => Number(process.hrtime.bigint()) / 1e6;

const event = (i) => `data: ${JSON.stringify({ i, sent: now(), padding: PADDING })}\n\n`;

/**
 * Writes events on a fixed schedule: a late one does not delay the next.
 * @returns {() => void} Stops it.
 */
export function sendEvents({ count, interval }, write, end) {
  const began = now();
  let i = 0;
  let timer;
  const next = () => {
    write(event(i));
    i += 1;
    if (i === count) end();
    else timer = setTimeout(next, Math.max(0, began + i * interval - now()));
  };
  next();
  return () => clearTimeout(timer);
}

/** The same events for those who take streams. */
export function eventStream(options) {
  let stop = () => {};
  return new Readable({
    read() {},
    construct(callback) {
      stop = sendEvents(options, (text) => this.push(text), () => this.push(null));
      callback();
    },
    destroy(error, callback) {
      stop();
      if (!this.readableEnded) note('stopped');
      callback(error);
    },
  });
}

/** `bytes` of content in pieces of 64 KB, as fast as they are taken. Notes every megabyte given. */
export function volume(bytes) {
  let left = bytes;
  let given = 0;
  return new Readable({
    highWaterMark: CHUNK.length,
    read() {
      if (left === 0) {
        this.push(null);
        return;
      }
      const piece = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= piece.length;
      given += piece.length;
      if (given % 1_048_576 === 0 && bytes > NOTED_FROM) note(`given ${given}`);
      this.push(piece);
    },
  });
}

/** What is timed leaves no notes. */
const NOTED_FROM = 32 * 1_048_576;

/** For the observer, who cannot see into this process. */
export function note(text) {
  appendFileSync(join(tmpdir(), 'notes'), `${text}\n`);
}

/** The parameters of an event stream. */
export const numbers = ({ count, interval }) => ({ count: Number(count), interval: Number(interval) });
