/** One HTTP request to the app over loopback. */

import http from 'node:http';
import { RequestError } from './errors.mjs';

/**
 * How long an idle connection may be used again. The app closes one after its own keep-alive timeout (Node:
 * 5 s, and the agent keeps none that announces 1 s or less), by the same clock: so this never races with it,
 * also not at the thaw of a frozen environment.
 */
const REUSE_MS = 1_000;
/** What may be sent twice (RFC 9110, 9.2.2): should the app be gone, nobody can tell how far it came. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS']);
const BROKEN = new Set(['ECONNRESET', 'EPIPE']);

/** Keeps the last connection: a new one costs both processes together about half a millisecond of CPU. */
class Connections extends http.Agent {
  constructor() {
    super({ keepAlive: true, maxFreeSockets: 1 });
  }

  keepSocketAlive(socket) {
    socket.idleSince = performance.now();
    return super.keepSocketAlive(socket);
  }

  dropOld() {
    const old = performance.now() - REUSE_MS;
    for (const socket of Object.values(this.freeSockets).flat()) if (socket.idleSince < old) socket.destroy();
  }
}

const connections = new Connections();

/**
 * @param {number} port
 * @param {import('./request.mjs').AppRequest} request
 * @param {AbortSignal} signal Aborts the request, and the response while it is being read.
 * @returns {Promise<http.IncomingMessage>}
 * @throws {RequestError} when a header cannot be sent as HTTP.
 */
export function send(port, request, signal) {
  if (!REPEATABLE.has(request.method)) return attempt(port, request, signal, false);
  connections.dropOld();
  return attempt(port, request, signal, connections);
}

function attempt(port, appRequest, signal, agent) {
  const { method, target, headers, body } = appRequest;
  return new Promise((resolve, reject) => {
    try {
      const options = { host: '127.0.0.1', port, method, path: target, headers, agent, signal };
      const request = http.request(options, resolve);
      request.on('error', (error) => {
        const stale = request.reusedSocket && BROKEN.has(error.code) && !signal.aborted;
        if (stale) resolve(attempt(port, appRequest, signal, false));
        else reject(error);
      });
      request.end(body);
    } catch (error) {
      reject(new RequestError(`not valid in HTTP: ${error.message}`, { cause: error }));
    }
  });
}
