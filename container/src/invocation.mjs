/** One invocation, from the event to the end of its response, and the time the app gets after that. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireCloudFront, requireToken } from './access.mjs';
import { Deadline } from './deadline.mjs';
import { isDiagnostic, streamDiagnostics } from './diagnostics.mjs';
import { toHandlerError } from './errors.mjs';
import { proxy } from './proxy.mjs';
import { toRequest } from './request.mjs';
import { Response } from './response.mjs';

/** Kept free before Lambda's timeout when the invocation stays open after its response. */
const GRACE_RESERVE_MS = 500;

/**
 * @param {object} parts
 * @param {import('./settings.mjs').Settings} parts.settings
 * @param {import('./application.mjs').Application} parts.application
 * @param {import('./log.mjs').Log} parts.log
 * @param {import('./redact.mjs').Redactor} parts.redactor
 * @returns {(event: object, stream: object, context: object) => Promise<void>}
 */
export function createInvocation({ settings, application, log, redactor }) {
  const environment = { id: randomUUID(), invocations: 0 };
  return async (event, stream, context) => {
    environment.invocations += 1;
    // aws-lambda-ric would wait for an empty event loop before the next event: with a living child, forever.
    context.callbackWaitsForEmptyEventLoop = false;
    log.requestId = context.awsRequestId;
    const began = performance.now();
    const deadline = new Deadline(context);
    const response = new Response(stream, deadline.signal);
    let request;
    let events = false;
    const { heartbeatMs, diagnosticStream: allowed } = settings;
    try {
      requireCloudFront(event, settings.originKeyHashes);
      request = toRequest(event, settings);
      if (allowed !== 'off' && isDiagnostic(request)) {
        requireToken(event, settings.originKeyHashes);
        await streamDiagnostics({ request, response, deadline, allowed, heartbeatMs, environment });
      } else {
        ({ events } = await proxy({ request, response, application, deadline, heartbeatMs }));
      }
    } catch (error) {
      // Whatever was waiting when the time ran out threw an AbortError; the reason says more.
      const cause = error.name === 'AbortError' && deadline.signal.aborted ? deadline.signal.reason : error;
      await fail(cause, { response, log, redactor, requestId: context.awsRequestId });
    } finally {
      deadline.dispose();
      log.info('request', {
        method: request?.method,
        path: request?.path,
        status: response.status,
        bytes: response.bytes,
        ms: Math.round(performance.now() - began),
        // What the viewer's answer carries as x-amzn-requestid: the way from an answer to these lines.
        gatewayRequestId: event?.requestContext?.requestId,
      });
    }
    if (events) await grace(Math.min(settings.graceMs, deadline.remaining - GRACE_RESERVE_MS));
  };
}

/**
 * Before the response has started: a JSON answer with the kind of failure and the id under which the log has
 * the rest. After it: thrown on, so that aws-lambda-ric marks the response as failed in its trailers.
 */
async function fail(cause, { response, log, redactor, requestId }) {
  const failure = toHandlerError(cause);
  const reason = redactor.apply(failure.message);
  log.error('request_failed', {
    error: failure.error,
    phase: failure.phase,
    reason,
    output: failure.output,
    stack: failure.status === 500 ? String(failure.cause?.stack) : undefined,
  });
  if (response.started) {
    // A new error: the stack and the causes of the old one may quote what redaction took out.
    throw Object.assign(new Error(reason), { name: failure.name, stack: `${failure.name}: ${reason}` });
  }
  const { error, phase } = failure;
  const retry = failure.status === 503 ? { 'retry-after': '5' } : {};
  await response.json(failure.status, { error, phase, requestId }, retry);
}

/**
 * LibreChat saves the message and makes the title after the end of the stream; frozen at once it lost the
 * title. Lambda freezes when the runtime asks for the next event, so the handler just returns later. The
 * client does not wait: its response has ended. Only event streams get this: meanwhile the environment
 * serves nobody, and the next request would start another one cold.
 *
 * https://aws.amazon.com/blogs/compute/running-code-after-returning-a-response-from-an-aws-lambda-function/
 */
async function grace(ms) {
  if (ms > 0) await sleep(ms);
}
