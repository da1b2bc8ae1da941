/** The single steps of a cold start, against a small AWS endpoint and real folders. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { appEnvironment } from '../../src/application.mjs';
import { Aws } from '../../src/aws.mjs';
import { fetchConfig } from '../../src/config.mjs';
import { writeCredentials } from '../../src/credentials.mjs';
import { prepareFilesystem, WRITABLE } from '../../src/filesystem.mjs';
import { fetchSecrets } from '../../src/secrets.mjs';
import { readSettings } from '../../src/settings.mjs';
import { startAws } from '../support/aws.mjs';

const ARN = 'arn:aws:ssm:eu-west-1:515966504419:parameter/ecs/genai';
const CREDENTIALS = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_SESSION_TOKEN: 'session-token',
};

let server;
let aws;
let folder;
before(async () => {
  server = await startAws();
  aws = new Aws({ ...CREDENTIALS, AWS_ENDPOINT_URL: server.endpoint });
});
after(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'librechat-coldstart-'));
});
afterEach(async () => {
  server.requests.length = 0;
  server.failures.length = 0;
  await rm(folder, { recursive: true });
});

describe('secrets', () => {
  test('come decrypted, in batches of ten, by ARN', async () => {
    const names = Array.from({ length: 11 }, (_, index) => `SECRET_${index}`);
    const parameters = Object.fromEntries(names.map((name) => [name, `${ARN}/${name}`]));
    for (const name of names) server.parameters[`${ARN}/${name}`] = `value of ${name}`;

    const secrets = await fetchSecrets(aws, parameters);

    assert.deepEqual(secrets, Object.fromEntries(names.map((name) => [name, `value of ${name}`])));
    const sizes = server.requests.map(({ body }) => JSON.parse(body).Names.length).sort();
    assert.deepEqual(sizes, [1, 10]);
    assert.ok(server.requests.every(({ body }) => JSON.parse(body).WithDecryption));
  });

  test('may be given by plain name as well', async () => {
    server.parameters['/plain'] = 'v';
    assert.deepEqual(await fetchSecrets(aws, { PLAIN: '/plain' }), { PLAIN: 'v' });
  });

  test('that are missing are all named, with nothing of the values found', async () => {
    server.parameters[`${ARN}/here`] = 'the-value';
    const parameters = { HERE: `${ARN}/here`, MONGO_URI: `${ARN}/gone`, JWT_SECRET: `${ARN}/lost` };
    await assert.rejects(fetchSecrets(aws, parameters), (error) => {
      assert.match(error.message, /MONGO_URI \(arn:.*\/gone\), JWT_SECRET \(arn:.*\/lost\)/);
      assert.doesNotMatch(error.message, /the-value|HERE/);
      assert.equal(error.phase, 'secrets');
      return true;
    });
  });

  test('are asked for with a signed request that carries the session token', async () => {
    server.parameters[`${ARN}/one`] = 'v';
    await fetchSecrets(aws, { ONE: `${ARN}/one` });
    const { headers } = server.requests[0];
    assert.match(headers.authorization, /^AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE\/\d+\/eu-west-1\/ssm\//);
    assert.equal(headers['x-amz-security-token'], 'session-token');
  });

  test('are asked for again when the service is busy', async () => {
    server.parameters[`${ARN}/one`] = 'v';
    server.failures.push(
      { status: 400, body: '{"__type":"ThrottlingException","message":"Rate exceeded"}' },
      { status: 503, body: '' },
    );
    assert.deepEqual(await fetchSecrets(aws, { ONE: `${ARN}/one` }), { ONE: 'v' });
    assert.equal(server.requests.length, 3);
  });

  test('that are forbidden are not asked for twice', async () => {
    const refusal = { __type: 'com.amazonaws#AccessDeniedException', Message: 'not authorized to perform ssm:…' };
    server.failures.push({ status: 400, body: JSON.stringify(refusal) });
    await assert.rejects(
      fetchSecrets(aws, { ONE: `${ARN}/one` }),
      /AccessDeniedException: not authorized to perform ssm:…/,
    );
    assert.equal(server.requests.length, 1);
  });

  test('are not asked for at all when there are none', async () => {
    assert.deepEqual(await fetchSecrets(aws, {}), {});
    assert.equal(server.requests.length, 0);
  });
});

describe('librechat.yaml', () => {
  const config = () => ({
    bucket: 'genai-shared-config',
    key: 'lambda-test/librechat/librechat.yaml',
    path: join(folder, 'librechat.yaml'),
    forbidden: 'genai.sandbox.data.apro.is',
  });
  const inS3 = (content) => {
    server.objects['/genai-shared-config/lambda-test/librechat/librechat.yaml'] = content;
  };
  afterEach(() => {
    for (const key of Object.keys(server.objects)) delete server.objects[key];
  });

  test('is written where LibreChat reads it', async () => {
    inS3('version: 1.2.1\ninterface:\n  customWelcome: "é"\n');
    await fetchConfig(aws, config());
    assert.equal(await readFile(config().path, 'utf8'), 'version: 1.2.1\ninterface:\n  customWelcome: "é"\n');
  });

  test('may be fetched by two starts at once: one that failed elsewhere, and the one after it', async () => {
    inS3('version: 1.2.1\n');
    await Promise.all(Array.from({ length: 8 }, () => fetchConfig(aws, config())));
    assert.deepEqual(await readdir(folder), ['librechat.yaml']);
  });

  test('that is missing is an error, because LibreChat would boot on defaults', async () => {
    await assert.rejects(fetchConfig(aws, config()), /s3:\/\/genai-shared-config\/.* could not be read: NoSuchKey/);
  });

  test('that is empty is an error', async () => {
    inS3(' \n');
    await assert.rejects(fetchConfig(aws, config()), /is empty/);
  });

  test('that still names the old domain is an error', async () => {
    inS3('endpoints:\n  baseURL: https://genai.sandbox.data.apro.is/v1\n');
    await assert.rejects(fetchConfig(aws, config()), /still contains genai\.sandbox\.data\.apro\.is/);
    await assert.rejects(stat(config().path), /ENOENT/);
  });

  test('may have a key that needs encoding', async () => {
    server.objects['/genai-shared-config/a b/ü+c.yaml'] = 'version: 1';
    await fetchConfig(aws, { ...config(), key: 'a b/ü+c.yaml' });
    assert.equal(await readFile(config().path, 'utf8'), 'version: 1');
  });

  test('in a bucket of another region is explained', async () => {
    server.failures.push({
      status: 301,
      headers: { 'x-amz-bucket-region': 'eu-north-1' },
      body: '<Error><Code>PermanentRedirect</Code><Message>Use the other endpoint.</Message></Error>',
    });
    await assert.rejects(fetchConfig(aws, config()), /PermanentRedirect: .*the bucket is in eu-north-1/);
  });
});

test('an endpoint that cannot be reached is named, after retries', async () => {
  const gone = await startAws();
  await gone.close();
  const client = new Aws({ ...CREDENTIALS, AWS_ENDPOINT_URL: gone.endpoint });
  await assert.rejects(fetchSecrets(client, { ONE: `${ARN}/one` }), /ssm unreachable: .*ECONNREFUSED/);
});

describe('the file system', () => {
  const settings = () => ({ home: join(folder, 'app'), tmp: join(folder, 'tmp') });
  const makeHome = async (places) => {
    const { home, tmp } = settings();
    for (const place of places) {
      await mkdir(join(home, place, '..'), { recursive: true });
      await symlink(join(tmp, WRITABLE[place]), join(home, place));
    }
  };

  test('gets a target for every link of the image, uploads/temp above all', async () => {
    await makeHome(Object.keys(WRITABLE));
    await prepareFilesystem(settings());
    for (const place of [...Object.keys(WRITABLE), 'uploads/temp']) {
      assert.ok((await stat(join(settings().home, place))).isDirectory(), place);
    }
  });

  test('that lacks a link is an error that names it, before the first upload kills the server', async () => {
    await makeHome(['client/public/images', 'api/logs', 'api/data']);
    await assert.rejects(prepareFilesystem(settings()), /not writable: .*app\/uploads, .*uploads\/temp/);
  });
});

describe('credentials', () => {
  test('are in a file that only the function can read, session token included', async () => {
    const path = join(folder, '.aws', 'credentials');
    await writeCredentials(CREDENTIALS, path);
    await writeCredentials(CREDENTIALS, path);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(
      await readFile(path, 'utf8'),
      '[default]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = secret\naws_session_token = session-token\n',
    );
  });

  test('without a session token have no line for it', async () => {
    const path = join(folder, 'credentials');
    await writeCredentials({ ...CREDENTIALS, AWS_SESSION_TOKEN: '' }, path);
    assert.doesNotMatch(await readFile(path, 'utf8'), /session_token/);
  });
});

describe("the app's environment", () => {
  const env = appEnvironment(
    {
      ...CREDENTIALS,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      ASSETS_URL: 'https://cdn',
      TRUST_PROXY: '3',
      HOST: '0.0.0.0',
    },
    { PORT: '3080', JWT_SECRET: 'x' },
  );

  test('hides the credentials, which S3 would get without their token', () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
      assert.equal(env[name], undefined);
    }
    assert.equal(env.AWS_REGION, 'eu-west-1');
    assert.equal(env.AWS_ENDPOINT_URL, 'http://127.0.0.1:4566');
  });

  test('holds what the handler decides, whatever the function was given', () => {
    assert.equal(env.HOST, '127.0.0.1');
    assert.equal(env.TRUST_PROXY, '1');
    assert.equal(env.NODE_ENV, 'production');
    assert.equal(env.ASSETS_URL, undefined);
  });
});

describe('settings', () => {
  test('that are missing are all named at once', () => {
    const { problems } = readSettings({});
    for (const name of ['LIBRECHAT_SSM_PARAMETERS', 'CONFIG_S3_BUCKET', 'CONFIG_S3_KEY', 'DOMAIN_CLIENT', 'AWS_REGION']) {
      assert.ok(problems.includes(`${name} is not set`), name);
    }
  });

  test('that are malformed are problems, not exceptions', () => {
    const { problems } = readSettings({
      ...CREDENTIALS,
      CONFIG_S3_BUCKET: 'b',
      CONFIG_S3_KEY: 'k',
      DOMAIN_CLIENT: 'not a url',
      LIBRECHAT_SSM_PARAMETERS: '{"A":1}',
      SSE_HEARTBEAT_MS: 'soon',
      DIAGNOSTIC_STREAM: 'on',
    });
    assert.deepEqual(
      problems.map((problem) => problem.split(' ')[0]).sort(),
      ['DIAGNOSTIC_STREAM', 'DOMAIN_CLIENT', 'LIBRECHAT_SSM_PARAMETERS', 'SSE_HEARTBEAT_MS'],
    );
  });

  test('have defaults where a default is right', () => {
    const settings = readSettings({ DOMAIN_CLIENT: 'https://lambda-test.sandbox.data.apro.is' });
    assert.equal(settings.publicHost, 'lambda-test.sandbox.data.apro.is');
    assert.equal(settings.heartbeatMs, 15_000);
    assert.equal(settings.graceMs, 3_000);
    assert.equal(settings.diagnosticStream, 'short');
    assert.equal(settings.config.path, '/tmp/librechat.yaml');
    assert.equal(settings.home, '/app');
  });
});
