/** hono's streamHandle over an app written in hono: what a framework made for Lambda costs. */

import { Hono } from 'hono';
import { streamHandle } from 'hono/aws-lambda';
import { Readable } from 'node:stream';
import { BINARY, COOKIES, EVENT_STREAM, EVERY_BYTE, eventStream, numbers, SMALL, volume } from '../app/content.mjs';
import { streaming } from './support.mjs';

const app = new Hono();
app.get('/api/small', (c) => c.json(SMALL));
app.get('/api/cookies', (c) => {
  COOKIES.forEach((cookie) => c.header('Set-Cookie', cookie, { append: true }));
  return c.json({});
});
app.get('/api/none', (c) => c.body(null, 204));
app.get('/api/same', (c) => c.body(null, 304, { etag: '"1"' }));
app.get('/api/binary', (c) => c.body(EVERY_BYTE, 200, BINARY));
app.get('/api/volume', (c) => c.body(Readable.toWeb(volume(Number(c.req.query('bytes')))), 200, BINARY));
app.get('/api/events', (c) => c.body(Readable.toWeb(eventStream(numbers(c.req.query()))), 200, EVENT_STREAM));

export const handler = streaming(streamHandle(app));
