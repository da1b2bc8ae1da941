/**
 * Who may call: everything is CloudFront's, and the diagnostic stream is `inv smoke`'s.
 *
 * API Gateway's own address answers to everybody, and a resource policy knows CloudFront only by addresses
 * that change and that all of its customers share. So CloudFront adds a header whose value Terraform made. Of
 * the accepted values the function knows the SHA-256 alone (ORIGIN_KEY_HASHES): who reads its configuration
 * learns no key.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
 *
 * A token of the diagnostic stream is `EXPIRES.HMAC`: a time in seconds since the epoch, at most 15 minutes
 * ahead, and the HMAC-SHA256 of `diagnostic-stream:EXPIRES` under one of those hashes, as text. Whoever may
 * read the function's configuration can make one; an anonymous caller cannot.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ForbiddenError } from './errors.mjs';

export const ORIGIN_KEY_HEADER = 'x-origin-key';
export const TOKEN_HEADER = 'x-diagnostic-token';
const TOKEN_SECONDS = 900;
const TOKEN = /^(\d{1,12})\.([0-9a-f]{64})$/;

/**
 * @param {unknown} event
 * @param {readonly string[] | undefined} hashes Hex digests of the accepted keys; undefined: not checked.
 * @throws {ForbiddenError} when the request did not come through the distribution.
 */
export function requireCloudFront(event, hashes) {
  if (hashes === undefined) return;
  const [key, ...more] = valuesOf(event, ORIGIN_KEY_HEADER);
  // CloudFront sets the header in place of a viewer's own: two of them are somebody's try.
  if (key === undefined || more.length > 0) throw new ForbiddenError('the request did not come through CloudFront');
  const digest = createHash('sha256').update(key).digest();
  const known = hashes.map((hash) => timingSafeEqual(Buffer.from(hash, 'hex'), digest));
  if (!known.includes(true)) throw new ForbiddenError('the request carries a wrong origin key');
}

/**
 * @param {unknown} event
 * @param {readonly string[] | undefined} hashes
 * @param {number} [now] Milliseconds since the epoch.
 * @throws {ForbiddenError} when it carries no valid token.
 */
export function requireToken(event, hashes = [], now = Date.now()) {
  const [token, ...more] = valuesOf(event, TOKEN_HEADER);
  const found = more.length === 0 && TOKEN.exec(token ?? '');
  if (!found || !isValid(found[1], found[2], hashes, now / 1000)) {
    throw new ForbiddenError('no valid token', { error: 'The diagnostic stream needs a token of inv smoke' });
  }
}

function isValid(expires, mac, hashes, now) {
  const given = Buffer.from(mac, 'hex');
  const made = hashes.map((hash) => timingSafeEqual(hmac(hash, expires), given));
  return made.includes(true) && now < Number(expires) && Number(expires) <= now + TOKEN_SECONDS;
}

function hmac(hash, expires) {
  return createHmac('sha256', hash).update(`diagnostic-stream:${expires}`).digest();
}

/** All values of a header of a REST API's event, whatever else is wrong with it. */
function valuesOf(event, name) {
  const source = event?.multiValueHeaders ?? event?.headers ?? {};
  return Object.entries(source)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value)
    .filter((value) => typeof value === 'string');
}
