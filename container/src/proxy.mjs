/** A request through the app and back: start, relay, and what happens when either breaks off. */

import { DeadlineError, UpstreamError } from './errors.mjs';
import { relayEvents } from './relay.mjs';
import { toPrelude } from './response.mjs';
import { isEventStream } from './sse.mjs';
import { send } from './upstream.mjs';

/**
 * @param {object} parts
 * @param {import('./request.mjs').AppRequest} parts.request
 * @param {import('./response.mjs').Response} parts.response
 * @param {import('./application.mjs').Application} parts.application
 * @param {import('./deadline.mjs').Deadline} parts.deadline
 * @param {number} parts.heartbeatMs
 * @returns {Promise<{ events: boolean }>} Whether the response was an event stream; it has ended.
 * @throws before `response.started`: to be answered as JSON. After it: a late failure, which aws-lambda-ric
 *   reports in the trailers of the response.
 */
export async function proxy({ request, response, application, deadline, heartbeatMs }) {
  const upstream = await connect(request, application, deadline);
  const events = isEventStream(upstream.headers['content-type']);
  try {
    response.start(toPrelude(upstream.statusCode, upstream.rawHeaders));
    // Nothing of ours can be put between compressed bytes.
    if (events && !upstream.headers['content-encoding']) await relayEvents(upstream, response, deadline, heartbeatMs);
    else await response.writeAll(upstream);
  } catch (error) {
    // A response that is not read to its end would keep the app writing to nobody.
    upstream.destroy();
    throw await explain(error, application, deadline);
  }
  await response.end();
  return { events };
}

async function connect(request, application, deadline) {
  try {
    await deadline.race(application.ready());
    return await send(application.port, request, deadline.signal).catch(async (error) => {
      if (error.code !== 'ECONNREFUSED') throw error;
      // The app died unnoticed, for example while the environment was frozen. The request has not
      // reached it, so sending it again is safe for every method.
      application.suspect();
      await deadline.race(application.ready());
      return send(application.port, request, deadline.signal);
    });
  } catch (error) {
    throw await explain(error, application, deadline);
  }
}

/** What a network error meant: the deadline, a crash of the app, or just what it says. */
async function explain(error, application, { signal }) {
  if (signal.aborted) {
    // LibreChat gives up on an unreachable database later than many a timeout: its own words are the cause.
    if (application.served) return signal.reason;
    const reason = `${signal.reason.message}: LibreChat was still starting`;
    return new DeadlineError(reason, { output: application.lastLines });
  }
  if (error.code === undefined || error.status !== undefined) return error;
  const { status, output } = await application.postMortem();
  const reason = status ? `LibreChat ${status} during the request` : `the connection broke: ${error.message}`;
  return new UpstreamError(reason, { output, cause: error });
}
