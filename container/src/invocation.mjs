/** One invocation, from the event to the end of its response, and the time the app gets after that. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from './deadline.mjs';
import { isDiagnostic, streamDiagnostics } from './diagnostics.mjs';
import { AccessError, toHandlerError } from './errors.mjs';
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
 * @returns {(event: object, stream: object, context: object) => Promise<void>}
 */
export function createInvocation({ settings, application, log }) {
  const environment = { id: randomUUID(), invocations: 0 };
  return async (event, stream, context) => {
    environment.invocations += 1;
    // aws-lambda-ric would wait for an empty event loop before the next event: with a living child, forever.
    context.callbackWaitsForEmptyEventLoop = false;
    log.requestId = context.awsRequestId;
    const began = performance.now();
    // What the viewer's answer carries as x-amzn-requestid: the way from an answer to these lines.
    const gatewayRequestId = event?.requestContext?.requestId;
    const { access } = settings;
    if (!access.admits(event)) {
      await refuse(stream, context, log, gatewayRequestId);
      return;
    }
    const deadline = new Deadline(context);
    const response = new Response(stream, deadline.signal);
    let request;
    let events = false;
    const { heartbeatMs, diagnosticStream: allowed } = settings;
    try {
      request = toRequest(event, settings);
      if (allowed !== 'off' && isDiagnostic(request)) {
        if (!access.allowsDiagnostics(event)) throw new AccessError();
        await streamDiagnostics({ request, response, deadline, allowed, heartbeatMs, environment });
      } else {
        ({ events } = await proxy({ request, response, application, deadline, heartbeatMs }));
      }
    } catch (error) {
      // Whatever was waiting when the time ran out threw an AbortError; the reason says more.
      const cause = error.name === 'AbortError' && deadline.signal.aborted ? deadline.signal.reason : error;
      await fail(cause, { response, log, requestId: context.awsRequestId });
    } finally {
      deadline.dispose();
      log.info('request', {
        method: request?.method,
        path: request?.path,
        status: response.status,
        bytes: response.bytes,
        ms: Math.round(performance.now() - began),
        gatewayRequestId,
      });
    }
    if (events) await grace(Math.min(settings.graceMs, deadline.remaining - GRACE_RESERVE_MS));
  };
}

/**
 * Not from CloudFront: answered at once, whatever state the app is in, and with one line in the log. Of the
 * event nothing is read but its headers.
 */
async function refuse(stream, { awsRequestId: requestId }, log, gatewayRequestId) {
  const response = new Response(stream, new AbortController().signal);
  try {
    await response.json(403, { error: 'Forbidden', requestId });
  } finally {
    log.info('request', { status: 403, error: 'Forbidden', bytes: response.bytes, gatewayRequestId });
  }
}

/**
 * Before the response has started: a JSON answer that names the kind of failure, and the request, by which
 * the log says the rest. After it: thrown on, so that aws-lambda-ric marks the response as failed in its
 * trailers; what they say Lambda hands to its caller, so it is no more than an answer would have said.
 */
async function fail(cause, { response, log, requestId }) {
  const failure = toHandlerError(cause);
  const { error, phase } = failure;
  log.error('request_failed', {
    error,
    phase,
    reason: failure.message,
    output: failure.output,
    stack: failure.status === 500 ? String(failure.cause?.stack) : undefined,
  });
  if (response.started) {
    // A new error: aws-lambda-ric prints and sends the message, the stack and the causes of what is thrown.
    throw Object.assign(new Error(error), { name: failure.name, stack: `${failure.name}: ${error}` });
  }
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
