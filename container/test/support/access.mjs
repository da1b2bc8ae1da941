/** What CloudFront adds to a request, and `inv smoke` to one for the diagnostic stream. */

import { createHash, createHmac } from 'node:crypto';

export const ORIGIN_KEY = 'origin-key-of-the-tests';
export const ORIGIN_KEY_HASHES = createHash('sha256').update(ORIGIN_KEY).digest('hex');

/** A token that is good for `seconds`, signed with `digest`. */
export function diagnosticToken(seconds = 600, digest = ORIGIN_KEY_HASHES) {
  const expires = Math.floor(Date.now() / 1000) + seconds;
  return `${expires}.${createHmac('sha256', digest).update(`diagnostic-stream:${expires}`).digest('hex')}`;
}
