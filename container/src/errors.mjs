/**
 * The failures that this handler can name, each with the HTTP status the caller sees.
 *
 * Callers see `error` and `phase`, and nothing that tells of the account or of the app: whoever asks is
 * anonymous. `message` is the reason and goes to the log, as does `output`, the app's last lines; whoever
 * makes one of these passes text that is already redacted.
 */

class HandlerError extends Error {
  /**
   * @param {number} status HTTP status of the JSON answer.
   * @param {string} error One stable sentence that names the kind of failure.
   * @param {string} reason What happened this time.
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

/** The parameters of a diagnostic stream; told to its caller, who has shown a token. */
export class ParameterError extends HandlerError {
  constructor(reason) {
    super(400, `Bad request: ${reason}`, reason);
  }
}

/** The caller may not have this. Nobody is told why. */
export class ForbiddenError extends HandlerError {
  /** @param {{ error?: string }} [options] What the caller may know. */
  constructor(reason, { error = 'Forbidden' } = {}) {
    super(403, error, reason);
  }
}

/** Any error as one of ours; a bug of our own becomes a 500 that tells the caller nothing internal. */
export function toHandlerError(error) {
  if (error instanceof HandlerError) return error;
  return new HandlerError(500, 'Internal error', 'unexpected error in the Lambda handler, see its log', {
    cause: error,
  });
}
