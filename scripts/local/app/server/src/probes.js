// Routes that LibreChat does not have: they let a test look at the path between a viewer and the app.
import crypto from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { cookies } from './auth.js';

const BLOCK = Buffer.alloc(64 * 1024, 'abcdefghijklmnop');
const MAX_BLOB_BYTES = 200 * 1024 * 1024;
const MAX_DELAY_MS = 900_000;

export function probeRoutes() {
  const router = express.Router();

  // What arrived, exactly: for headers, cookies, paths, bodies and the client's address.
  router.all('/api/echo{/*rest}', express.raw({ type: () => true, limit: '50mb' }), (request, response) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    response.json({
      method: request.method,
      url: request.originalUrl,
      query: request.query,
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      cookies: cookies(request),
      body: { length: body.length, sha256: crypto.createHash('sha256').update(body).digest('hex') },
      ip: request.ip,
    });
  });

  // A large download, written no faster than it is read.
  router.get('/api/blob', async (request, response) => {
    const bytes = Math.min(Number(request.query.bytes) || 0, MAX_BLOB_BYTES);
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes });
    await pipeline(Readable.from(blocks(bytes)), response).catch((error) => {
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') {
        throw error;
      }
    });
  });

  // Silence before the first byte.
  router.get('/api/slow', async (request, response) => {
    const ms = Math.min(Number(request.query.ms) || 0, MAX_DELAY_MS);
    await sleep(ms);
    response.json({ ms });
  });

  // Any status; 204 and 304 have no body.
  router.all('/api/status/:code', (request, response) => {
    const code = Number(request.params.code);
    if (!(code >= 200 && code <= 599)) {
      return response.status(400).json({ message: 'a status from 200 to 599' });
    }
    return code === 204 || code === 304
      ? response.status(code).end()
      : response.status(code).json({ status: code });
  });

  // The end of the process in the middle of a request.
  router.post('/api/crash', () => {
    process.stderr.write('crash requested\n');
    process.exit(1);
  });
  return router;
}

function* blocks(bytes) {
  for (let left = bytes; left > 0; left -= BLOCK.length) {
    yield BLOCK.subarray(0, Math.min(left, BLOCK.length));
  }
}
