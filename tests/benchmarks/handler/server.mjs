/**
 * A Lambda Runtime API that does nothing but take times: one runtime, one invocation at a time.
 *
 * Not the project's own (scripts/local/lambda_): that one is written for fidelity, in Python, and would
 * be what is measured. Times are of the machine's monotonic clock, in milliseconds.
 */

import http from 'node:http';
import { now } from './app/content.mjs';

const PREFIX = '/2018-06-01/runtime/';
const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response';
const DELIMITER = Buffer.alloc(8);

export class RuntimeApi {
  #server = http.createServer((request, response) => this.#serve(request, response));
  #waiting;
  #announce = () => {};
  #invocation;
  #number = 0;

  /** When the runtime asked for its first event. */
  readyAt;

  async start() {
    // aws-lambda-ric dies of a connection that is closed while idle.
    Object.assign(this.#server, { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 });
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.address = `127.0.0.1:${this.#server.address().port}`;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Resolves when the runtime waits for an event. */
  async idle() {
    if (!this.#waiting) await new Promise((resolve) => (this.#announce = resolve));
  }

  /**
   * @param {object} event
   * @param {object} [options]
   * @param {(chunk: Buffer, at: number, request: http.IncomingMessage) => void} [options.onBody] Each piece
   *   of the body, without the prelude, and when it came; may pause or destroy the request.
   * @returns {Promise<Answer>} when the response has ended or broken off.
   *
   * @typedef {object} Answer
   * @property {number} dispatchedAt
   * @property {number} endedAt
   * @property {number} [firstAt] When the first byte of the body came.
   * @property {object} prelude Status and headers; of a buffered response all but its body.
   * @property {number} bytes Of the body as a viewer would get it.
   * @property {boolean} streamed
   * @property {boolean} complete
   */
  async invoke(event, { onBody = () => {} } = {}) {
    const payload = JSON.stringify(event);
    await this.idle();
    const response = this.#waiting;
    this.#waiting = undefined;
    this.#number += 1;
    return new Promise((resolve) => {
      this.#invocation = { onBody, resolve, dispatchedAt: now() };
      response
        .writeHead(200, {
          'content-type': 'application/json',
          'lambda-runtime-aws-request-id': `request-${this.#number}`,
          'lambda-runtime-deadline-ms': String(Date.now() + 120_000),
          'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-west-1:000000000000:function:bench',
          'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000',
        })
        .end(payload);
    });
  }

  /** The runtime has gone: whatever is under way will not end by itself. */
  abandon() {
    this.#invocation?.resolve({ ...this.#invocation, endedAt: now(), bytes: 0, complete: false });
  }

  #serve(request, response) {
    const path = request.url.slice(PREFIX.length);
    if (path === 'invocation/next') {
      this.readyAt ??= now();
      this.#waiting = response;
      this.#announce();
    } else if (path.endsWith('/response')) {
      this.#receive(request, response);
    } else {
      // An error of the function or of its start: the caller sees an invocation without an answer.
      request.resume().on('end', () => response.writeHead(202).end('{}'));
      this.abandon();
    }
  }

  #receive(request, response) {
    const { onBody, resolve, dispatchedAt } = this.#invocation;
    const answer = { dispatchedAt, bytes: 0, complete: false };
    answer.streamed = request.headers['lambda-runtime-function-response-mode'] === 'streaming';
    const take = (chunk, at) => {
      if (chunk.length === 0) return;
      answer.firstAt ??= at;
      answer.bytes += chunk.length;
      onBody(chunk, at, request);
    };
    const reader = request.headers['content-type'] === PRELUDE_TYPE ? new Prelude(answer, take) : new Whole(answer, take);
    request.on('data', (chunk) => reader.push(chunk, now()));
    request.on('error', () => {});
    request.on('close', () => {
      reader.end(now());
      answer.endedAt = now();
      if (request.complete) {
        answer.complete = request.trailers['lambda-runtime-function-error-type'] === undefined;
        response.writeHead(202).end('{}');
      }
      resolve(answer);
    });
  }
}

/** A streamed response: metadata, eight NUL bytes, the body as it comes. */
class Prelude {
  #head = Buffer.alloc(0);

  constructor(answer, take) {
    this.answer = answer;
    this.take = take;
  }

  push(chunk, at) {
    if (this.answer.prelude) {
      this.take(chunk, at);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(DELIMITER);
    if (end === -1) return;
    this.answer.prelude = JSON.parse(this.#head.subarray(0, end));
    this.take(this.#head.subarray(end + DELIMITER.length), at);
  }

  end() {}
}

/** A buffered response: one JSON document, the body a string in it. */
class Whole {
  #chunks = [];

  constructor(answer, take) {
    this.answer = answer;
    this.take = take;
  }

  push(chunk) {
    this.#chunks.push(chunk);
  }

  end(at) {
    const text = Buffer.concat(this.#chunks).toString();
    if (text === '') return;
    const { body, isBase64Encoded, ...prelude } = JSON.parse(text);
    this.answer.prelude = prelude;
    this.take(Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'), at);
  }
}
