/**
 * The handler's own environment variables, read once.
 *
 * Reading never throws: a module that fails to load gives the caller Lambda's opaque 502. What is wrong is
 * collected in `problems`, and the cold start reports it like any other reason.
 */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Access } from './access.mjs';

const DIAGNOSTIC_STREAM = ['off', 'short', 'full'];

/**
 * @typedef {object} Settings
 * @property {Record<string, string>} ssmParameters Variable of the app → name or ARN of its SSM parameter.
 * @property {{ bucket: string, key: string, path: string, forbidden: string }} config librechat.yaml: where
 *   it comes from, where it goes, and the domain that must not be left in it (FR-027).
 * @property {string} publicHost Host that viewers use; empty when DOMAIN_CLIENT is not a URL.
 * @property {string} home Folder of LibreChat in the image.
 * @property {number} port Where LibreChat listens, on loopback.
 * @property {string} tmp The only writable folder.
 * @property {Access} access Who may ask for anything, and for the diagnostic stream.
 * @property {'off' | 'short' | 'full'} diagnosticStream How much of `/api/health/stream` may be asked for.
 * @property {number} heartbeatMs Silence after which an event stream gets a ping.
 * @property {number} graceMs How long the app may go on after the end of an event stream.
 * @property {boolean} provisioned Whether this environment was initialized ahead of any request.
 * @property {string[]} problems What is missing or malformed; empty when all is well.
 */

/**
 * @param {Record<string, string | undefined>} env
 * @returns {Readonly<Settings>}
 */
export function readSettings(env) {
  const problems = [];
  const required = (name) => {
    if (!env[name]) problems.push(`${name} is not set`);
    return env[name] ?? '';
  };
  const milliseconds = (name, byDefault) => {
    const text = env[name] || String(byDefault);
    if (!/^\d{1,7}$/.test(text)) problems.push(`${name} is not a number of milliseconds: ${text}`);
    return Number.parseInt(text, 10) || 0;
  };
  const oneOf = (words, name, byDefault) => {
    const word = env[name] || byDefault;
    if (words.includes(word)) return word;
    problems.push(`${name} is not one of ${words.join(', ')}: ${word}`);
    return byDefault;
  };
  const access = new Access(env.ORIGIN_KEY_HASHES);
  if (!access.wellFormed) {
    // Without the text: tokens are made with it.
    problems.push('ORIGIN_KEY_HASHES is not a list of SHA-256 digests in lower-case hex, separated by commas');
  }
  // Lambda always provides these; without them nothing can be read from SSM or S3.
  ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].forEach(required);

  return Object.freeze({
    ssmParameters: readParameters(required('LIBRECHAT_SSM_PARAMETERS'), problems),
    config: Object.freeze({
      bucket: required('CONFIG_S3_BUCKET'),
      key: required('CONFIG_S3_KEY'),
      path: env.CONFIG_PATH || '/tmp/librechat.yaml',
      forbidden: env.FORBIDDEN_DOMAIN || 'genai.sandbox.data.apro.is',
    }),
    publicHost: hostOf(required('DOMAIN_CLIENT'), problems),
    home: env.LIBRECHAT_HOME || '/app',
    // LibreChat's own default; nothing else listens in an execution environment.
    port: Number(env.LIBRECHAT_PORT) || 3080,
    tmp: tmpdir(),
    access,
    diagnosticStream: oneOf(DIAGNOSTIC_STREAM, 'DIAGNOSTIC_STREAM', 'short'),
    heartbeatMs: milliseconds('SSE_HEARTBEAT_MS', 15_000),
    graceMs: milliseconds('RESPONSE_GRACE_MS', 3_000),
    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    provisioned: env.AWS_LAMBDA_INITIALIZATION_TYPE === 'provisioned-concurrency',
    problems: Object.freeze(problems),
  });
}

/** Where the app's logs go instead of `<cwd>/logs`, which crashes it on a read-only tree. */
export const logDirectory = (settings) => join(settings.tmp, 'logs');

function readParameters(json, problems) {
  if (!json) return {};
  try {
    const parameters = JSON.parse(json);
    if (Object.values(parameters).every((value) => typeof value === 'string')) return parameters;
  } catch {
    // Reported below: the text itself may be long and adds nothing.
  }
  problems.push('LIBRECHAT_SSM_PARAMETERS is not a JSON object of names and parameter ARNs');
  return {};
}

function hostOf(url, problems) {
  if (!url) return '';
  if (URL.canParse(url)) return new URL(url).host;
  problems.push(`DOMAIN_CLIENT is not a URL: ${url}`);
  return '';
}
