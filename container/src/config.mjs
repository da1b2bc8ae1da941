/**
 * librechat.yaml: from S3 to the path that LibreChat reads (FR-026).
 *
 * LibreChat boots silently on defaults when the file is missing, so a missing or empty one ends the cold
 * start here.
 */

import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { ColdStartError } from './errors.mjs';

/**
 * @param {Pick<import('./aws.mjs').Aws, 'getObject'>} aws
 * @param {import('./settings.mjs').Settings['config']} config
 * @throws {ColdStartError} when the object is missing, empty, or still names the forbidden domain (FR-027).
 */
export async function fetchConfig(aws, { bucket, key, path, forbidden }) {
  const source = `s3://${bucket}/${key}`;
  const refuse = (reason, cause) => new ColdStartError('config', `${source} ${reason}`, { cause });

  let content;
  try {
    content = await aws.getObject(bucket, key);
  } catch (error) {
    throw refuse(`could not be read: ${error.message}`, error);
  }
  const text = content.toString();
  if (text.trim() === '') throw refuse('is empty');
  if (text.includes(forbidden)) throw refuse(`still contains ${forbidden}`);

  // Renamed into place: an app that restarts meanwhile never reads half a file.
  // A name of its own: a start that failed elsewhere may still be writing when the next one begins.
  const partial = `${path}.${randomUUID()}.partial`;
  await writeFile(partial, content, { mode: 0o600 });
  await rename(partial, path);
}
