/** From the start of a process to its first byte, and what a cold start does in between. */

import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { now } from './app/content.mjs';
import { Started } from './candidates.mjs';
import { freePort } from './ports.mjs';
import { cpuMilliseconds } from './processes.mjs';
import { Aws } from './task/src/aws.mjs';
import { fetchConfig } from './task/src/config.mjs';
import { fetchSecrets } from './task/src/secrets.mjs';

const here = dirname(fileURLToPath(import.meta.url));
/** About what SSM and S3 take to answer inside a region. */
const AWAY_MS = 30;

/** @returns {Promise<Record<string, number>>} `first_byte_ms`, and the phases that our handler logs. */
export async function measureStart(candidate) {
  const started = await Started.start(candidate);
  try {
    const answer = await started.invoke('/api/small');
    if (answer.firstAt === undefined) throw new Error(`no first byte: ${started.lastWords}`);
    const phases = started.logged('cold_start')?.phases ?? {};
    return {
      first_byte_ms: answer.firstAt - started.startedAt,
      cpu_ms: started.cpu(),
      ready_ms: started.runtime.readyAt - started.startedAt,
      ...Object.fromEntries(Object.entries(phases).map(([name, ms]) => [`${name}_ms`, ms])),
    };
  } finally {
    await started.stop();
  }
}

/** The app by itself: what no handler can take away. */
export async function measureApp() {
  const port = await freePort();
  const startedAt = now();
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), HOST: '127.0.0.1' };
  const app = spawn(process.execPath, [join(here, 'app', 'serve.mjs')], { env, stdio: 'ignore' });
  try {
    while (!(await connects(port))) await sleep(2);
    const request = http.get({ host: '127.0.0.1', port, path: '/api/small', agent: false });
    const [response] = await once(request, 'response');
    response.resume();
    return { first_byte_ms: now() - startedAt, cpu_ms: cpuMilliseconds(app.pid) };
  } finally {
    app.kill('SIGKILL');
    await once(app, 'exit');
  }
}

async function connects(port) {
  const socket = net.connect({ host: '127.0.0.1', port });
  const connected = await once(socket, 'connect').then(() => true, () => false);
  socket.destroy();
  return connected;
}

/** Our secrets and config, one after the other or side by side, from an AWS that is a region away. */
export async function measureFetches(aws, env, sideBySide) {
  const far = await distant(aws.endpoint);
  const tmp = await mkdtemp(join(tmpdir(), 'librechat-bench-'));
  const account = new Aws({ ...env, AWS_ENDPOINT_URL: far.endpoint });
  const path = join(tmp, 'librechat.yaml');
  const config = { bucket: 'config', key: 'librechat.yaml', path, forbidden: 'old.example' };
  const parameters = Object.fromEntries(Object.keys(aws.parameters).map((arn) => [arn, arn]));
  const secrets = () => fetchSecrets(account, parameters);
  const began = now();
  try {
    if (sideBySide) await Promise.all([secrets(), fetchConfig(account, config)]);
    else {
      await secrets();
      await fetchConfig(account, config);
    }
    return { fetched_ms: now() - began };
  } finally {
    far.close();
    await rm(tmp, { recursive: true });
  }
}

/** Passes requests on, later. */
async function distant(endpoint) {
  const server = http.createServer(async (request, response) => {
    await sleep(AWAY_MS);
    const { method, headers, url } = request;
    const onward = http.request(new URL(url, endpoint), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { endpoint: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Our function with all of its modules in one file, in a folder of its own beside `task`. */
export async function bundleIntoOneFile(folder) {
  const target = join(here, folder);
  await cp(join(here, 'task', 'package.json'), join(target, 'package.json'));
  await build({
    entryPoints: [join(here, 'task', 'src', 'handler.mjs')],
    outfile: join(target, 'src', 'handler.mjs'),
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'error',
    // aws4 is CommonJS and requires Node's own modules.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
}
