/**
 * The function role's credentials, handed to the app as a shared credentials file.
 *
 * LibreChat passes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to S3 without the session token, and S3
 * refuses such a pair. Without the variables it leaves the search to the SDK, which reads key, secret and
 * token from this file.
 */

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Variables of the handler that the app must not see. */
export const HIDDEN_FROM_APP = Object.freeze([
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'ORIGIN_KEY_HASHES',
]);

/**
 * @param {Record<string, string | undefined>} env The handler's environment.
 * @param {string} path The file to write, mode 0600.
 */
export async function writeCredentials(env, path) {
  const lines = [
    '[default]',
    `aws_access_key_id = ${env.AWS_ACCESS_KEY_ID}`,
    `aws_secret_access_key = ${env.AWS_SECRET_ACCESS_KEY}`,
    ...(env.AWS_SESSION_TOKEN ? [`aws_session_token = ${env.AWS_SESSION_TOKEN}`] : []),
  ];
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  // The mode of writeFile counts only for a new file.
  await chmod(path, 0o600);
}
