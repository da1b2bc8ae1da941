/** @fastify/aws-lambda with payloadAsStream over an app written in fastify, wired as its README shows. */

import awsLambdaFastify from '@fastify/aws-lambda';
import fastify from 'fastify';
import { pipeline } from 'node:stream/promises';
import { BINARY, COOKIES, EVENT_STREAM, EVERY_BYTE, eventStream, numbers, SMALL, volume } from '../app/content.mjs';
import { respond, streaming } from './support.mjs';

const app = fastify();
app.get('/api/small', (_, reply) => reply.send(SMALL));
app.get('/api/cookies', (_, reply) => reply.header('set-cookie', COOKIES).send({}));
app.get('/api/none', (_, reply) => reply.code(204).send());
app.get('/api/same', (_, reply) => reply.code(304).header('etag', '"1"').send());
app.get('/api/binary', (_, reply) => reply.headers(BINARY).send(EVERY_BYTE));
app.get('/api/volume', (request, reply) => reply.headers(BINARY).send(volume(Number(request.query.bytes))));
app.get('/api/events', (request, reply) => reply.headers(EVENT_STREAM).send(eventStream(numbers(request.query))));

const proxy = awsLambdaFastify(app, { payloadAsStream: true });
await app.ready();

export const handler = streaming(async (event, stream, context) => {
  const { meta, stream: body } = await proxy(event, context);
  await pipeline(body, respond(stream, meta));
});
