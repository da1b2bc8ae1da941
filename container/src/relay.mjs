/** An event stream on its way to the viewer: kept alive in silences, ended honestly when it breaks off. */

import { toHandlerError, UpstreamError } from './errors.mjs';
import { EventBoundary, formatEvent, Heartbeat } from './sse.mjs';

/**
 * @param {AsyncIterable<Buffer>} source The next piece is asked for when the last one has been taken.
 * @param {import('./response.mjs').Response} response Has been started.
 * @param {import('./deadline.mjs').Deadline} deadline
 * @param {number} heartbeatMs Silence after which a ping is sent; 0: never.
 * @throws when the source fails, unless the deadline was the cause and the viewer could be told.
 */
export async function relayEvents(source, response, deadline, heartbeatMs) {
  const boundary = new EventBoundary();
  const heartbeat = new Heartbeat({
    intervalMs: heartbeatMs,
    allowed: () => boundary.between && response.idle,
    // A failure to write is met, and reported, by the relay itself.
    send: (ping) => void response.write(ping).catch(() => {}),
  });
  try {
    for await (const chunk of source) {
      boundary.push(chunk);
      await response.write(chunk);
      heartbeat.touch();
    }
  } catch (error) {
    // The client can tell this end from a complete answer: LibreChat's own error event comes last. In the
    // middle of an event there is no honest way to say more, and the response breaks off.
    if (!boundary.between || !response.idle) throw error;
    const { error: text } = toHandlerError(deadline.signal.aborted ? deadline.signal.reason : new UpstreamError(''));
    await response.write(formatEvent('error', { text }));
    if (!deadline.signal.aborted) throw error;
  } finally {
    heartbeat.stop();
  }
}
