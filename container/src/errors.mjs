/**
 * The failures that this handler can name, each with the HTTP status the caller sees.
 *
 * Anybody may be asking, so callers see `error` and `phase` alone. `message` is the reason and goes to the
 * log, with `output`, the app's last lines: both may name what is in the account, or other viewers.
 */

class HandlerError extends Error {
  /**
   * @param {number} status HTTP status of the JSON answer.
   * @param {string} error One sentence that names the kind of failure, and nothing of this deployment.
   * @param {string} reason What happened this time, for the log.
   * @param {{ output?: string[], cause?: unknown }} [options]
   */
  constructor(status, error, reason, { output = [], cause } = {}) {
    super(reason, { cause });
    // The Runtime API reports this name as the error type (trailer Lambda-Runtime-Function-Error-Type).
    this.name = new.target.name;
    this.status = status;
    this.error = error;
    this.output = output;
  }
}

/** The app could not be brought up: settings, secrets, config, filesystem, or the app itself. */
export class ColdStartError extends HandlerError {
  constructor(phase, reason, options) {
    super(503, 'LibreChat could not be started', reason, options);
    this.phase = phase;
  }
}

/** The app was up, but this request failed in it: it crashed, hung up, or answered nonsense. */
export class UpstreamError extends HandlerError {
  constructor(reason, options) {
    super(502, 'LibreChat failed to answer', reason, options);
  }
}

/** Lambda's own timeout is so near that the invocation has to end now. */
export class DeadlineError extends HandlerError {
  constructor(reason, options) {
    super(504, 'The time limit of the function was reached', reason, options);
  }
}

/** The diagnostic stream took longer than it may: its own limit, whatever time the function has left. */
export class StreamLimitError extends HandlerError {
  constructor(reason, options) {
    super(504, 'The time limit of the diagnostic stream was reached', reason, options);
  }
}

/** The event, or what it asks for, is not something this handler serves. */
export class RequestError extends HandlerError {
  constructor(reason, options) {
    super(400, 'Bad request', reason, options);
  }
}

/** The diagnostic stream is refused: no valid token. */
export class AccessError extends HandlerError {
  constructor() {
    const error = 'The diagnostic stream needs a token of inv smoke';
    super(403, error, 'the x-diagnostic-token is missing, expired, or not signed with ORIGIN_KEY_HASHES');
  }
}

/** The diagnostic stream is asked for with a token, but beyond its limits: the caller may know which. */
export class StreamRequestError extends HandlerError {
  constructor(reason) {
    super(400, `Bad request: ${reason}`, reason);
  }
}

/** Any error as one of ours; a bug of our own becomes a 500 that tells the caller nothing internal. */
export function toHandlerError(error) {
  if (error instanceof HandlerError) return error;
  return new HandlerError(500, 'Internal error', 'unexpected error in the Lambda handler, see its log', {
    cause: error,
  });
}
