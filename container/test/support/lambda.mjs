/**
 * The whole function as Lambda runs it: aws-lambda-ric with our bundle, the project's Runtime API server,
 * an AWS endpoint, and a home folder whose writable places are links, as in the image.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';
import { WRITABLE } from '../../src/filesystem.mjs';
import { diagnosticToken, ORIGIN_KEY, ORIGIN_KEY_HASHES } from './access.mjs';
import { startAws } from './aws.mjs';

const container = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const project = join(container, '..');
export const GATEWAY_REQUEST_ID = '0d1c5a0e-6f1b-4c52-9a3e-5f0e7a1b2c3d';
const ARN = 'arn:aws:ssm:eu-west-1:515966504419:parameter/ecs/genai';

export const SECRETS = Object.freeze({
  JWT_SECRET: 'jwt-secret-1234567890',
  MONGO_URI: 'mongodb://librechat:p%40ssw0rd-of-mongo@docdb:27017/librechat',
});
/** Its own cut comes late: what the handler does before its deadline must not depend on a fast machine. */
const RUNTIME_API = ['-m', 'scripts.local.lambda_.runtime_api', '--lenience', '120'];
const PARAMETERS = { JWT_SECRET: `${ARN}/librechat/JWT_SECRET`, MONGO_URI: `${ARN}/mongo/DB_URI` };

/**
 * @param {object} [options]
 * @param {Record<string, string>} [options.env] Added to the function's variables.
 * @param {string} [options.config] librechat.yaml in S3; null: no such object.
 * @param {number} [options.timeout] The function's timeout in seconds.
 */
export async function startLambda({ env = {}, config = 'version: 1.2.1\n', timeout = 30, home = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'librechat-handler-'));
  const tmp = join(folder, 'tmp');
  const task = join(folder, 'task');
  await Promise.all([makeHome(join(folder, 'app'), tmp, home), bundle(task)]);

  const aws = await startAws({
    parameters: Object.fromEntries(Object.entries(PARAMETERS).map(([name, arn]) => [arn, SECRETS[name]])),
    objects: config === null ? {} : { '/config/librechat.yaml': config },
  });
  const runtime = await startRuntimeApi(timeout);
  const functionEnv = {
    PATH: process.env.PATH,
    TMPDIR: tmp,
    _HANDLER: 'src/handler.handler',
    AWS_LAMBDA_RUNTIME_API: runtime.runtime_api,
    AWS_LAMBDA_FUNCTION_NAME: 'librechat-lambda-api-dev',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret/access+key',
    AWS_SESSION_TOKEN: 'session-token',
    AWS_ENDPOINT_URL: aws.endpoint,
    LIBRECHAT_SSM_PARAMETERS: JSON.stringify(PARAMETERS),
    LIBRECHAT_HOME: join(folder, 'app'),
    LIBRECHAT_PORT: String(await freePort()),
    CONFIG_S3_BUCKET: 'config',
    CONFIG_S3_KEY: 'librechat.yaml',
    CONFIG_PATH: join(tmp, 'librechat.yaml'),
    DOMAIN_CLIENT: 'https://lambda-test.sandbox.data.apro.is',
    DOMAIN_SERVER: 'https://lambda-test.sandbox.data.apro.is',
    ORIGIN_KEY_HASHES,
    RESPONSE_GRACE_MS: '0',
    ...env,
  };
  const ric = spawn(
    process.execPath,
    ['node_modules/aws-lambda-ric/bin/index.mjs', 'src/handler.handler'],
    { cwd: task, env: functionEnv, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  const output = [];
  for (const stream of [ric.stdout, ric.stderr]) {
    createInterface({ input: stream }).on('line', (line) => output.push(line));
  }

  return {
    tmp,
    aws,
    pid: ric.pid,
    output,
    /** Lines of our own log, parsed, with this message. */
    logged: (msg) => output.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).filter((line) => line.msg === msg),
    invoke: (event, options) => invoke(runtime.invoke, event, options),
    lastError: async () => (await fetch(`${runtime.invoke}/last-error`)).json(),
    /** The lines of a file that the app wrote. */
    notes: async (name) => {
      const path = join(tmp, name);
      return existsSync(path) ? (await readFile(path, 'utf8')).trim().split('\n') : [];
    },
    stop: async () => {
      // The group: the app must not outlive the runtime, as in a real environment.
      if (ric.exitCode === null && ric.signalCode === null) {
        process.kill(-ric.pid, 'SIGKILL');
        await once(ric, 'exit');
      }
      await Promise.all([runtime.stop(), aws.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A REST API proxy event, as it comes through CloudFront; for the diagnostic stream with a token. */
export function restEvent(path, { method = 'GET', query, headers = {}, body, base64 = false } = {}) {
  return {
    resource: '/api/{proxy+}',
    httpMethod: method,
    path,
    multiValueQueryStringParameters: query ?? null,
    multiValueHeaders: {
      'X-Forwarded-For': ['203.0.113.9, 130.176.1.1'],
      'X-Origin-Key': [ORIGIN_KEY],
      ...(path === '/api/health/stream' ? { 'X-Diagnostic-Token': [diagnosticToken()] } : {}),
      ...headers,
    },
    requestContext: { path: `/default${path}`, stage: 'default', requestId: GATEWAY_REQUEST_ID, identity: { sourceIp: '130.176.1.1' } },
    body: body ?? null,
    isBase64Encoded: base64,
  };
}

/** GET, unless the options say otherwise. */
export const get = (lambda, path, options) => lambda.invoke(restEvent(path, options));

/** A test body that gets a function of its own. */
export const withLambda = (options, body) => async () => {
  const lambda = await startLambda(options);
  try {
    await body(lambda);
  } finally {
    await lambda.stop();
  }
};

/** Waits for something that is known to follow; how soon depends on the machine. */
export async function until(condition) {
  const end = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < end, 'did not happen within 60 s');
    await sleep(20);
  }
}

export function assertNoSecrets(text) {
  const secrets = [...Object.values(SECRETS), 'p@ssw0rd-of-mongo', 'p%40ssw0rd-of-mongo', 'session-token'];
  for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${text}`);
}

async function makeHome(home, tmp, { withoutLinks = false }) {
  await mkdir(tmp, { recursive: true });
  await mkdir(join(home, 'api', 'server'), { recursive: true });
  await mkdir(join(home, 'client', 'public'), { recursive: true });
  await symlink(join(container, 'test', 'fixtures', 'app.cjs'), join(home, 'api', 'server', 'index.js'));
  if (withoutLinks) return;
  for (const [place, target] of Object.entries(WRITABLE)) await symlink(join(tmp, target), join(home, place));
}

async function startRuntimeApi(timeout) {
  const python = process.env.PYTHON ?? join(project, '.venv', 'bin', 'python');
  const server = spawn(python, [...RUNTIME_API, '--timeout', String(timeout)], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  return {
    ...JSON.parse(line),
    stop: async () => {
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}

/**
 * @param {object} [options]
 * @param {number} [options.pauseMs] How long to stop reading after the first bytes.
 * @param {(soFar: string) => void} [options.onRead] Called after each read with all that has arrived.
 * @returns {Promise<object>} `contentType`, `prelude`, `body`, `text`, `json()`, and `ms` for the whole.
 */
function invoke(url, event, { pauseMs = 0, onRead } = {}) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent: false }, (response) => {
      const reads = [];
      const finish = () => {
        const raw = Buffer.concat(reads);
        const delimiter = raw.indexOf('\0'.repeat(8));
        const body = raw.subarray(delimiter + 8);
        resolve({
          contentType: response.headers['x-runtime-content-type'],
          prelude: delimiter < 0 ? undefined : JSON.parse(raw.subarray(0, delimiter).toString()),
          body,
          text: body.toString(),
          json: () => JSON.parse(body.toString()),
          ms: Math.round(performance.now() - began),
        });
      };
      response.once('data', () => {
        if (pauseMs === 0) return;
        response.pause();
        setTimeout(() => response.resume(), pauseMs);
      });
      response.on('data', (chunk) => {
        reads.push(chunk);
        onRead?.(Buffer.concat(reads).toString());
      });
      response.on('end', finish);
      response.on('error', finish);
    });
    request.on('error', reject);
    request.end(JSON.stringify(event));
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
