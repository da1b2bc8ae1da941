/**
 * An HTTP response → Lambda's streamed response for API Gateway: JSON metadata (the prelude), eight NUL
 * bytes, the raw body.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
 */

import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { UpstreamError } from './errors.mjs';
import { HOP_BY_HOP } from './request.mjs';

/** API Gateway looks for the delimiter in the first 16 KB of the response. */
const PRELUDE_LIMIT = 16 * 1024 - 8;
/** A token (RFC 9110, 5.6.2), and what a value must not hold (5.5). Node's parser refuses most of it. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;

/**
 * @typedef {object} Prelude
 * @property {number} statusCode
 * @property {Record<string, string>} headers
 * @property {Record<string, string[]>} multiValueHeaders
 */

/**
 * @param {number} statusCode
 * @param {string[]} rawHeaders Names and values in turns, as `IncomingMessage.rawHeaders` has them.
 * @returns {Prelude}
 * @throws {UpstreamError} when this is not what API Gateway accepts: a final status, and headers that are
 *   valid and not too large.
 */
export function toPrelude(statusCode, rawHeaders) {
  // Node takes any three digits. Informational ones (100, 103) never come here, and 101 breaks off.
  if (!(statusCode >= 200 && statusCode <= 599)) throw new UpstreamError(`status ${statusCode} is not of HTTP`);
  const values = new Map();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index].toLowerCase();
    if (!NAME.test(name) || FORBIDDEN.test(rawHeaders[index + 1])) {
      throw new UpstreamError('a response header is not valid in HTTP');
    }
    values.set(name, [...(values.get(name) ?? []), rawHeaders[index + 1]]);
  }
  const named = (values.get('connection') ?? []).join(',').toLowerCase().split(',').map((name) => name.trim());
  const entries = [...values].filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name));
  // An array inside `headers` makes API Gateway answer 502: repeated headers have their own place.
  const repeated = ([name, list]) => name === 'set-cookie' || list.length > 1;
  const single = entries.filter((entry) => !repeated(entry));
  const prelude = {
    statusCode,
    headers: Object.fromEntries(single.map(([name, [value]]) => [name, value])),
    multiValueHeaders: Object.fromEntries(entries.filter(repeated)),
  };
  const size = Buffer.byteLength(JSON.stringify(prelude));
  if (size > PRELUDE_LIMIT) throw new UpstreamError(`response headers too large: ${size} bytes`);
  return prelude;
}

/** The response of one invocation. Writing waits for the reader (backpressure). */
export class Response {
  #stream;
  #signal;
  started = false;
  status;
  bytes = 0;

  /**
   * @param {object} stream The response stream that aws-lambda-ric passes to the handler.
   * @param {AbortSignal} signal Ends a wait for a slow reader.
   */
  constructor(stream, signal) {
    this.#stream = stream;
    this.#signal = signal;
  }

  /** Whether the reader has kept up with everything written so far. */
  get idle() {
    return !this.#stream.writableNeedDrain;
  }

  /**
   * Sends status and headers, whether any byte of the body exists or not. What of the body comes in the same
   * turn of the event loop leaves with them: each write by itself is a system call here and a wake-up there.
   */
  start(prelude) {
    this.started = true;
    this.status = prelude.statusCode;
    const stream = globalThis.awslambda.HttpResponseStream.from(this.#stream, prelude);
    this.#stream = stream;
    stream.cork();
    setImmediate(() => stream.uncork());
    // aws-lambda-ric puts the prelude before the first write. Without one (204, 304, HEAD) it sends none.
    stream.write('');
  }

  /** @param {Buffer | string} chunk */
  async write(chunk) {
    this.bytes += Buffer.byteLength(chunk);
    if (!this.#stream.write(chunk)) await once(this.#stream, 'drain', { signal: this.#signal });
  }

  /**
   * Writes all of a body, which pauses while the reader does not keep up. Events instead of a loop that
   * awaits each piece: no promises, and no piece is copied to be joined with the next.
   *
   * @param {import('node:stream').Readable} source
   * @throws when the source breaks off, or the time is up.
   */
  async writeAll(source) {
    const stream = this.#stream;
    const goOn = () => source.resume();
    stream.on('drain', goOn);
    source.on('data', (chunk) => {
      this.bytes += chunk.length;
      if (!stream.write(chunk)) source.pause();
    });
    try {
      await finished(source, { signal: this.#signal });
    } finally {
      stream.off('drain', goOn);
    }
  }

  /** Resolves when the response is handed over; the caller has it while the invocation may go on. */
  async end() {
    await new Promise((resolve, reject) => {
      this.#stream.once('error', reject);
      // Not end(chunk): aws-lambda-ric drops the chunk.
      this.#stream.end(resolve);
    });
  }

  /** A whole JSON answer. */
  async json(statusCode, body, headers = {}) {
    this.start({
      statusCode,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
      multiValueHeaders: {},
    });
    await this.write(JSON.stringify(body));
    await this.end();
  }
}
