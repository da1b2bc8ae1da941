/** The app under measurement, in Express: what every adapter for Node apps gets, and ours as a process. */

import express from 'express';
import { pipeline } from 'node:stream';
import { BINARY, COOKIES, EVENT_STREAM, EVERY_BYTE, note, numbers, sendEvents, SMALL, volume } from './content.mjs';

export function makeApp() {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/health', (_, response) => response.type('text').send('OK'));
  app.get('/api/small', (_, response) => response.json(SMALL));
  app.get('/api/cookies', (_, response) => response.append('Set-Cookie', COOKIES[0]).append('Set-Cookie', COOKIES[1]).json({}));
  app.get('/api/none', (_, response) => response.status(204).end());
  app.get('/api/same', (_, response) => response.status(304).set('ETag', '"1"').end());
  app.get('/api/binary', (_, response) => response.set(BINARY).send(EVERY_BYTE));
  app.get('/api/volume', (request, response) => {
    pipeline(volume(Number(request.query.bytes)), response.set(BINARY), () => {});
  });
  // As LibreChat does it: headers at once, then res.write for each piece of the answer.
  app.get('/api/events', (request, response) => {
    response.set(EVENT_STREAM).flushHeaders();
    const stop = sendEvents(numbers(request.query), (text) => response.write(text), () => response.end());
    response.on('close', () => {
      stop();
      if (!response.writableFinished) note('stopped');
    });
  });
  return app;
}
