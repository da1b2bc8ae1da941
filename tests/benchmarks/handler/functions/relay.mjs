/**
 * The floor for an app that is a process of its own, as LibreChat is: over loopback and into the runtime
 * client's stream, and nothing else. No checks, no deadline, no heartbeat, no log.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../ports.mjs';
import { respond, streaming } from './support.mjs';

const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding'];
const port = await freePort();
const app = spawn(process.execPath, [fileURLToPath(new URL('../app/serve.mjs', import.meta.url))], {
  env: { ...process.env, PORT: String(port), HOST: '127.0.0.1' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => app.kill('SIGKILL'));
await once(createInterface({ input: app.stdout }), 'line');
const agent = new http.Agent({ keepAlive: true });

export const handler = streaming(async (event, stream) => {
  const query = new URLSearchParams(event.queryStringParameters ?? {});
  const { httpMethod: method, path, headers } = event;
  const request = http.request({ host: '127.0.0.1', port, agent, method, path: `${path}?${query}`, headers }).end();
  const [upstream] = await once(request, 'response');
  const { 'set-cookie': cookies, ...rest } = upstream.headers;
  HOP_BY_HOP.forEach((name) => delete rest[name]);
  const response = respond(stream, { statusCode: upstream.statusCode, headers: rest, cookies });
  // Without a write aws-lambda-ric sends no metadata (204, 304).
  response.write('');
  await pipeline(upstream, response);
});
