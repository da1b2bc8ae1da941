/** The limit: no app and no adapter, the same bytes straight into the runtime client's stream. */

import { pipeline } from 'node:stream/promises';
import { BINARY, COOKIES, EVENT_STREAM, EVERY_BYTE, note, numbers, sendEvents, SMALL, volume } from '../app/content.mjs';
import { respond, streaming } from './support.mjs';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const ROUTES = {
  '/api/small': (stream) => whole(stream, { statusCode: 200, headers: JSON_TYPE }, JSON.stringify(SMALL)),
  '/api/cookies': (stream) => whole(stream, { statusCode: 200, headers: JSON_TYPE, cookies: COOKIES }, '{}'),
  '/api/none': (stream) => whole(stream, { statusCode: 204, headers: {} }, ''),
  '/api/same': (stream) => whole(stream, { statusCode: 304, headers: { etag: '"1"' } }, ''),
  '/api/binary': (stream) => whole(stream, { statusCode: 200, headers: BINARY }, EVERY_BYTE),
  '/api/volume': (stream, query) =>
    pipeline(volume(Number(query.bytes)), respond(stream, { statusCode: 200, headers: BINARY })),
  '/api/events': (stream, query) => {
    const response = respond(stream, { statusCode: 200, headers: EVENT_STREAM });
    return new Promise((resolve, reject) => {
      const stop = sendEvents(numbers(query), (text) => response.write(text), () => response.end(resolve));
      response.on('error', (error) => {
        stop();
        note('stopped');
        reject(error);
      });
    });
  },
};

function whole(stream, prelude, body) {
  const response = respond(stream, prelude);
  response.write(body);
  return new Promise((resolve) => response.end(resolve));
}

export const handler = streaming(async (event, stream) => {
  await ROUTES[event.path](stream, event.queryStringParameters ?? {});
});
