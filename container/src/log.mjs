/**
 * Structured logs: one JSON object per line on stdout, which Lambda sends to CloudWatch.
 *
 * Not `console`: aws-lambda-ric patches it to put its own prefix before every line, and the line would no
 * longer be JSON. Every line is redacted as a whole, so no field can carry a known secret.
 */

export class Log {
  #write;
  #redactor;
  #requestId;

  /**
   * @param {import('./redact.mjs').Redactor} redactor
   * @param {(line: string) => void} [write]
   */
  constructor(redactor, write = (line) => process.stdout.write(line)) {
    this.#redactor = redactor;
    this.#write = write;
  }

  /** Lines from now on belong to this invocation: an execution environment serves one at a time. */
  set requestId(id) {
    this.#requestId = id;
  }

  info(msg, fields) {
    this.#line('info', msg, fields);
  }

  error(msg, fields) {
    this.#line('error', msg, fields);
  }

  #line(level, msg, fields = {}) {
    const line = { time: new Date().toISOString(), level, msg, requestId: this.#requestId, ...fields };
    this.#write(`${this.#redactor.apply(JSON.stringify(line))}\n`);
  }
}
