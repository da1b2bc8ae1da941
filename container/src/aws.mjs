/**
 * The two AWS calls of a cold start: SSM GetParameters and S3 GetObject, signed with Signature Version 4.
 *
 * Not the AWS SDK: importing its SSM and S3 clients takes 220–260 ms on the cold start's critical path
 * (the app cannot start without its secrets), aws4 and node:https take 25 ms. What the SDK would add is
 * here: standard endpoint variables, timeouts, retries with backoff.
 */

import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import aws4 from 'aws4';

const ATTEMPTS = 4;
const TIMEOUT_MS = 5_000;
const BACKOFF_MS = 100;
const THROTTLED = /Throttl|TooManyRequests|SlowDown|RequestTimeout|InternalServerError/;

/** An AWS service said no, or could not be reached. The message names code and cause, never a value. */
export class AwsError extends Error {
  constructor(code, message, retryable) {
    super(`${code}: ${message}`);
    this.name = 'AwsError';
    this.code = code;
    this.retryable = retryable;
  }
}

export class Aws {
  #env;

  /** @param {Record<string, string | undefined>} env Region, credentials and `AWS_ENDPOINT_URL[_SERVICE]`. */
  constructor(env) {
    this.#env = env;
  }

  /**
   * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
   * @param {string[]} names Names or ARNs, at most 10.
   * @returns {Promise<{ Parameters: { Name: string, ARN?: string, Value: string }[] }>} Without the unknown.
   */
  async getParameters(names) {
    const body = await this.#call('ssm', {
      method: 'POST',
      path: '/',
      headers: { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AmazonSSM.GetParameters' },
      body: JSON.stringify({ Names: names, WithDecryption: true }),
    });
    return JSON.parse(body.toString());
  }

  /**
   * Path-style, so that a bucket name with dots, or an endpoint that is an address, works as well.
   * @param {string} bucket
   * @param {string} key
   * @returns {Promise<Buffer>}
   */
  async getObject(bucket, key) {
    const path = `/${[bucket, ...key.split('/')].map(encodeURIComponent).join('/')}`;
    return this.#call('s3', { method: 'GET', path, headers: {} });
  }

  async #call(service, request) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(service, request);
      } catch (error) {
        const failure = error instanceof AwsError ? error : unreachable(service, error);
        if (!failure.retryable || attempt === ATTEMPTS) throw failure;
        await sleep(Math.random() * BACKOFF_MS * 2 ** attempt);
      }
    }
  }

  async #once(service, { method, path, headers, body }) {
    const endpoint = this.#endpoint(service);
    const signed = aws4.sign(
      {
        service,
        region: this.#env.AWS_REGION,
        host: endpoint.host,
        method,
        path,
        headers: { ...headers },
        body,
      },
      {
        accessKeyId: this.#env.AWS_ACCESS_KEY_ID,
        secretAccessKey: this.#env.AWS_SECRET_ACCESS_KEY,
        sessionToken: this.#env.AWS_SESSION_TOKEN || undefined,
      },
    );
    const response = await send(endpoint, signed);
    if (response.status === 200) return response.body;
    throw refusal(response);
  }

  #endpoint(service) {
    const configured = this.#env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || this.#env.AWS_ENDPOINT_URL;
    return new URL(configured || `https://${service}.${this.#env.AWS_REGION}.amazonaws.com`);
  }
}

function send(endpoint, { method, path, headers, body }) {
  const { request } = endpoint.protocol === 'http:' ? http : https;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const call = request(
      { hostname: endpoint.hostname, port: endpoint.port, method, path, headers, signal },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** SSM answers JSON (`__type`, `message`), S3 answers XML (`<Code>`, `<Message>`). */
function refusal({ status, headers, body }) {
  const text = body.toString();
  const type = /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(text) ?? /<Code>([^<]+)<\/Code>/.exec(text);
  const message = /"[Mm]essage"\s*:\s*"([^"]+)"/.exec(text) ?? /<Message>([^<]+)<\/Message>/.exec(text);
  const code = type?.[1] ?? `HTTP ${status}`;
  const region = headers['x-amz-bucket-region'];
  const hint = status === 301 && region ? ` (the bucket is in ${region})` : '';
  return new AwsError(code, (message?.[1] ?? 'no message') + hint, status >= 500 || THROTTLED.test(code));
}

function unreachable(service, error) {
  const reason = error.name === 'AbortError' ? `no answer in ${TIMEOUT_MS} ms` : error.message || error.code;
  return new AwsError(`${service} unreachable`, reason, true);
}
