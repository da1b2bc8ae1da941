/**
 * What is measured, and how each is started: always the real aws-lambda-ric, as a process of its own.
 *
 * This folder is copied to where the peers are installed (peers.py), and our bundle into `task` beside it:
 * what the image holds at /var/task.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { now } from './app/content.mjs';
import { freePort } from './ports.mjs';
import { cpuMilliseconds, memoryMegabytes } from './processes.mjs';
import { RuntimeApi } from './server.mjs';
import { WRITABLE } from './task/src/filesystem.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const RUNTIME = join(here, 'task', 'node_modules', 'aws-lambda-ric', 'bin', 'index.mjs');
const ARN = 'arn:aws:ssm:eu-west-1:000000000000:parameter/bench';

/** Our function: the folder that is deployed, the app as its child. `task` may be another build of it. */
export const ours = (aws, task = 'task') => ({
  cwd: join(here, task),
  handler: 'src/handler.handler',
  env: async (tmp) => ({
    AWS_ENDPOINT_URL: aws.endpoint,
    LIBRECHAT_SSM_PARAMETERS: JSON.stringify({ JWT_SECRET: `${ARN}/jwt`, MONGO_URI: `${ARN}/mongo` }),
    LIBRECHAT_HOME: await makeHome(join(tmp, 'app'), tmp),
    LIBRECHAT_PORT: String(await freePort()),
    CONFIG_S3_BUCKET: 'config',
    CONFIG_S3_KEY: 'librechat.yaml',
    CONFIG_PATH: join(tmp, 'librechat.yaml'),
    DOMAIN_CLIENT: 'https://bench.example.com',
    RESPONSE_GRACE_MS: '0',
  }),
});

export const AWS_CONTENT = {
  parameters: { [`${ARN}/jwt`]: 'jwt-1234567890', [`${ARN}/mongo`]: 'mongodb://db/bench' },
  objects: { '/config/librechat.yaml': 'version: 1.2.1\n' },
};

/** LibreChat's folder with the app in its place, and the links that the image has. */
async function makeHome(home, tmp) {
  await mkdir(join(home, 'api', 'server'), { recursive: true });
  await mkdir(join(home, 'client', 'public'), { recursive: true });
  for (const [place, target] of Object.entries(WRITABLE)) await symlink(join(tmp, target), join(home, place));
  const app = JSON.stringify(join(here, 'app', 'serve.mjs'));
  await writeFile(join(home, 'api', 'server', 'index.js'), `import(${app});\n`);
  return home;
}

/** Another adapter's function: app and adapter in the runtime's own process. */
export const inProcess = (name) => ({ cwd: here, handler: `functions/${name}.handler`, env: async () => ({}) });

/** A started function and the Runtime API that it talks to. */
export class Started {
  output = [];

  static async start({ cwd, handler, env }) {
    const started = new Started();
    started.runtime = new RuntimeApi();
    started.tmp = await mkdtemp(join(tmpdir(), 'librechat-bench-'));
    await started.runtime.start();
    const environment = {
      PATH: process.env.PATH,
      TMPDIR: started.tmp,
      NODE_ENV: 'production',
      _HANDLER: handler,
      AWS_LAMBDA_RUNTIME_API: started.runtime.address,
      AWS_LAMBDA_FUNCTION_NAME: 'bench',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '2048',
      AWS_LAMBDA_LOG_GROUP_NAME: 'bench',
      AWS_LAMBDA_LOG_STREAM_NAME: 'bench',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
      ...(await env(started.tmp)),
    };
    started.startedAt = now();
    const child = spawn(process.execPath, [RUNTIME, handler], {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    started.process = child;
    started.gone = once(child, 'exit');
    // Before the first event, so that no invocation waits for what never comes.
    void started.gone.then(() => started.runtime.abandon());
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => started.output.push(text));
    }
    return started;
  }

  get running() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** @throws with its last output when it ends instead of getting ready. */
  async ready() {
    await Promise.race([this.runtime.idle(), this.gone]);
    if (!this.running) throw new Error(`ended before it was ready: ${this.lastWords}`);
  }

  /** The first line of our handler's log with this message. */
  logged(msg) {
    const lines = this.output.join('').split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line)).find((line) => line.msg === msg);
  }

  /** What it said about its end: the runtime's own error, or else the end of its output. */
  get lastWords() {
    const text = this.output.join('');
    return /"errorMessage":"([^"]+)"/.exec(text)?.[1] ?? text.slice(-300);
  }

  invoke(path, query = {}, options = {}) {
    return this.runtime.invoke(restEvent(path, query), options);
  }

  cpu = () => cpuMilliseconds(this.process.pid);
  memory = () => memoryMegabytes(this.process.pid);

  /** What the app noted for the observer, line by line. */
  async notes() {
    const text = await readFile(join(this.tmp, 'notes'), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean);
  }

  async stop() {
    if (this.running) {
      process.kill(-this.process.pid, 'SIGKILL');
      await this.gone;
    }
    this.runtime.close();
    await rm(this.tmp, { recursive: true, force: true });
  }
}

/** A REST API proxy event, with single and repeated forms as API Gateway sends both. */
function restEvent(path, query) {
  const headers = {
    Accept: '*/*',
    Host: 'bench.example.com',
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
    'X-Forwarded-For': '203.0.113.9, 130.176.1.1',
    'X-Forwarded-Port': '443',
    'X-Forwarded-Proto': 'https',
    Authorization: `Bearer ${'x'.repeat(300)}`,
  };
  const repeated = (values) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
  return {
    resource: '/{proxy+}',
    httpMethod: 'GET',
    path,
    headers,
    multiValueHeaders: repeated(headers),
    queryStringParameters: query,
    multiValueQueryStringParameters: repeated(query),
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: '000000000000',
      apiId: 'bench',
      domainName: 'bench.example.com',
      httpMethod: 'GET',
      identity: { sourceIp: '130.176.1.1', userAgent: 'Mozilla/5.0' },
      path: `/default${path}`,
      protocol: 'HTTP/1.1',
      requestId: 'bench',
      resourcePath: '/{proxy+}',
      stage: 'default',
    },
    body: null,
    isBase64Encoded: false,
  };
}
