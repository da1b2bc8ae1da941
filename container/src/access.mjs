/**
 * Who may ask: CloudFront, by the header that it adds to its origin requests, and for the diagnostic stream
 * a caller with a short-lived token.
 *
 * Whoever knows the bare execute-api URL would pass CloudFront by, with a forged `X-Forwarded-For`, past its
 * web ACL and its cache. Nothing else in an event proves which way a request came.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { headerValues } from './request.mjs';

export const ORIGIN_KEY_HEADER = 'x-origin-key';
export const TOKEN_HEADER = 'x-diagnostic-token';
/** A token may not be good for longer than this, whoever made it. */
const TOKEN_SECONDS = 900;
const DIGEST = /^[0-9a-f]{64}$/;
const TOKEN = /^([1-9]\d{0,11})\.([0-9a-f]{64})$/;

export class Access {
  #required;
  #digests;

  /**
   * @param {string | undefined} hashes ORIGIN_KEY_HASHES: SHA-256 digests of the accepted values, lower-case
   *   hex, separated by commas. Unset or empty: the origin is not checked, and no token is valid.
   */
  constructor(hashes) {
    const digests = hashes ? hashes.split(',') : [];
    this.#required = digests.length > 0;
    this.#digests = digests.filter((digest) => DIGEST.test(digest));
    /** Whether every entry is a digest. What is malformed admits nobody. */
    this.wellFormed = this.#digests.length === digests.length;
  }

  /**
   * Whether the event comes from CloudFront. Exactly one value must be there: CloudFront replaces what a
   * viewer sends under this name, so a second one comes from elsewhere.
   *
   * @param {unknown} event As received, not yet known to be an event of API Gateway.
   */
  admits(event) {
    if (!this.#required) return true;
    const values = headerValues(event, ORIGIN_KEY_HEADER);
    if (values.length !== 1) return false;
    const digest = createHash('sha256').update(values[0]).digest('hex');
    return anyEqual(this.#digests, digest);
  }

  /**
   * Whether the event carries a valid token for the diagnostic stream: `<expires>.<hmac>`, Unix seconds and
   * the HMAC-SHA256 (lower-case hex) of `diagnostic-stream:<expires>`, keyed with one of the digests as they
   * are written. Only who may read the function's configuration can make one (`inv smoke` does).
   *
   * @param {unknown} event
   * @param {number} [now] Unix seconds.
   */
  allowsDiagnostics(event, now = Date.now() / 1000) {
    const values = headerValues(event, TOKEN_HEADER);
    const [, expires, hmac] = (values.length === 1 && TOKEN.exec(values[0])) || [];
    if (!expires || Number(expires) <= now || Number(expires) > now + TOKEN_SECONDS) return false;
    const hmacs = this.#digests.map((digest) =>
      createHmac('sha256', digest).update(`diagnostic-stream:${expires}`).digest('hex'),
    );
    return anyEqual(hmacs, hmac);
  }

  /** What must not be printed: a digest is the key that tokens are made with. */
  get secrets() {
    return this.#digests;
  }
}

/** Compares with every one, in the same time whichever it is. All are digests in hex, of one length. */
function anyEqual(digests, given) {
  const bytes = Buffer.from(given);
  return digests.filter((digest) => timingSafeEqual(Buffer.from(digest), bytes)).length > 0;
}
