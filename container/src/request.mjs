/**
 * API Gateway's proxy event → the HTTP request that LibreChat must see.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
 * - `path` has no stage and is still percent-encoded: it goes on byte for byte.
 * - Query values are decoded, so they are encoded again; a key without a value becomes `key=`.
 * - Headers keep the viewer's spelling and repeat in `multiValueHeaders`.
 */

import { isIP } from 'node:net';
import { RequestError } from './errors.mjs';

/** LibreChat has no /api/health, it would answer with index.html; its own path is outside of /api. */
const ALIASES = new Map([['/api/health', '/health']]);

/** Connection-specific (RFC 9110, 7.6.1); they never cross a proxy. */
export const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Replaced below by what is true here: the length of the body, the public host, the viewer's address. */
const REPLACED = new Set(['content-length', 'expect', 'forwarded', 'host', 'x-real-ip']);
/** For this handler alone (access.mjs); the app, and what it logs, must not have them. */
const FOR_HANDLER = new Set(['x-origin-key', 'x-diagnostic-token']);
/** Switches the connection to a tunnel: there is no response, and Node would wait for one forever. */
const CONNECT = 'CONNECT';

/**
 * @typedef {object} AppRequest
 * @property {string} method
 * @property {string} path Path as the viewer asked for it, encoded, without the query.
 * @property {string} target Path and query for the app.
 * @property {URLSearchParams} query
 * @property {Record<string, string | string[]>} headers
 * @property {Buffer | undefined} body
 */

/**
 * @param {object} event
 * @param {{ publicHost: string }} settings
 * @returns {AppRequest}
 * @throws {RequestError} when the event does not come from a REST API's proxy integration.
 */
export function toRequest(event, { publicHost }) {
  if (typeof event?.httpMethod !== 'string' || typeof event.path !== 'string') {
    throw new RequestError('not an event of an API Gateway REST API proxy integration');
  }
  const method = event.httpMethod.toUpperCase();
  if (method === CONNECT) throw new RequestError('CONNECT is not a method of a REST API');
  const path = safePath(event.path);
  const query = queryOf(event);
  const body = bodyOf(event);
  const headers = headersOf(event, publicHost);
  if (body || !['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(method)) {
    headers['content-length'] = String(body?.length ?? 0);
  }
  const search = encodeQuery(query);
  const target = (ALIASES.get(path) ?? path) + (search && `?${search}`);
  return { method, path, target, query, headers, body };
}

/**
 * The values of a header, however its name is spelled. An event is not trusted to have API Gateway's shape:
 * null, or what is no string, counts as absent.
 *
 * @param {unknown} event
 * @param {string} name In lower case.
 * @returns {string[]}
 */
export function headerValues(event, name) {
  return entries(event?.multiValueHeaders ?? event?.headers).flatMap(([key, value]) =>
    key.toLowerCase() === name ? strings(value) : [],
  );
}

/**
 * The viewer's address. CloudFront appends the address it saw, API Gateway appends CloudFront's edge:
 * `viewer-supplied…, viewer, edge`. What stands before the last two is a claim of the viewer. Where no
 * address stands in that place, the caller is what API Gateway itself saw.
 *
 * @param {string} forwardedFor
 * @param {string | undefined} sourceIp What API Gateway saw (`requestContext.identity.sourceIp`).
 */
export function viewerAddress(forwardedFor, sourceIp) {
  const hops = forwardedFor.split(',').map((hop) => hop.trim()).filter(Boolean);
  return [hops.at(-2) ?? hops.at(-1), sourceIp].find(isAddress) ?? '127.0.0.1';
}

/** `isIP` takes an IPv6 zone of any length (`fe80::1%…`), which means nothing outside of its machine. */
function isAddress(text) {
  return typeof text === 'string' && isIP(text) !== 0 && !text.includes('%');
}

/** What cannot stand in a request target literally is encoded; what is encoded already stays. */
function safePath(path) {
  const rooted = path.startsWith('/') ? path : `/${path}`;
  return rooted
    .toWellFormed()
    .replace(/%(?![0-9A-Fa-f]{2})/g, '%25')
    .replace(/[^\x21-\x7e]|[?#]/gu, encodeURIComponent);
}

function queryOf(event) {
  const source = entries(event.multiValueQueryStringParameters ?? event.queryStringParameters);
  const pairs = source.flatMap(([name, value]) => strings(value).map((each) => [name, each]));
  return new URLSearchParams(pairs);
}

/** Not URLSearchParams.toString(): it writes a space as `+`, which only forms decode. */
function encodeQuery(query) {
  return [...query].map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
}

function bodyOf(event) {
  if (typeof event.body !== 'string' || event.body === '') return undefined;
  return Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8');
}

function headersOf(event, publicHost) {
  const received = receivedHeaders(event);
  const named = (received.get('connection') ?? []).join(',').toLowerCase().split(',').map((name) => name.trim());
  // Without a prototype: `__proto__` is a valid name of a header.
  const headers = Object.create(null);
  for (const [name, values] of received) {
    if (HOP_BY_HOP.has(name) || REPLACED.has(name) || FOR_HANDLER.has(name) || named.includes(name)) continue;
    if (name.startsWith('x-forwarded-')) continue;
    // HTTP/2 viewers may split cookies over several header lines; HTTP/1.1 knows one (RFC 9113, 8.2.3).
    const bytes = values.map(headerBytes);
    if (name === 'cookie') headers.cookie = bytes.join('; ');
    else headers[name] = bytes.length === 1 ? bytes[0] : bytes;
  }
  const forwardedFor = (received.get('x-forwarded-for') ?? []).join(',');
  return {
    ...headers,
    host: publicHost,
    'x-forwarded-for': viewerAddress(forwardedFor, event.requestContext?.identity?.sourceIp),
    'x-forwarded-host': publicHost,
    // Viewers always come over TLS, which CloudFront ends; cookies and redirects depend on it.
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '443',
  };
}

/**
 * Node sends one byte per character and refuses what does not fit (a cookie in UTF-8, set by any other page
 * of the domain, would then fail every request): such a value goes on as the bytes of its UTF-8.
 */
function headerBytes(value) {
  return /[\u0100-\uffff]/.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value;
}

function receivedHeaders(event) {
  const received = new Map();
  for (const [name, value] of entries(event.multiValueHeaders ?? event.headers)) {
    const key = name.toLowerCase();
    const values = strings(value);
    if (values.length > 0) received.set(key, [...(received.get(key) ?? []), ...values]);
  }
  return received;
}

function entries(source) {
  return typeof source === 'object' && source !== null ? Object.entries(source) : [];
}

function strings(value) {
  return [value].flat().filter((each) => typeof each === 'string');
}
