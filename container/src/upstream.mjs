/** One HTTP request to the app over loopback. */

import http from 'node:http';
import { RequestError } from './errors.mjs';

/**
 * A new connection each time: a kept one goes stale while the environment is frozen, and reusing it at the
 * thaw races with the app closing it. Connecting over loopback costs about 0.1 ms.
 *
 * @param {number} port
 * @param {import('./request.mjs').AppRequest} request
 * @param {AbortSignal} signal Aborts the request, and the response while it is being read.
 * @returns {Promise<http.IncomingMessage>}
 * @throws {RequestError} when a header cannot be sent as HTTP.
 */
export function send(port, { method, target, headers, body }, signal) {
  return new Promise((resolve, reject) => {
    try {
      const options = { host: '127.0.0.1', port, method, path: target, headers, agent: false, signal };
      const request = http.request(options, resolve);
      request.on('error', reject);
      request.end(body);
    } catch (error) {
      reject(new RequestError(`not valid in HTTP: ${error.message}`, { cause: error }));
    }
  });
}
