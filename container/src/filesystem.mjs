/**
 * The folders that LibreChat writes to, on a tree where only /tmp is writable.
 *
 * The image holds symbolic links at these places; their targets must exist before the app starts. Without
 * `uploads/temp` the first upload kills the server.
 */

import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ColdStartError } from './errors.mjs';
import { logDirectory } from './settings.mjs';

/**
 * Folder of the app → folder under /tmp that its link points to. The Dockerfile makes the same links.
 * https://docs.aws.amazon.com/lambda/latest/dg/images-create.html (read-only file system, /tmp)
 */
export const WRITABLE = Object.freeze({
  uploads: 'uploads',
  'client/public/images': 'images',
  'api/logs': 'logs',
  'api/data': 'data',
});

/**
 * @param {import('./settings.mjs').Settings} settings
 * @throws {ColdStartError} when the app could not write where it must.
 */
export async function prepareFilesystem(settings) {
  const { home, tmp } = settings;
  const targets = Object.values(WRITABLE).map((name) => join(tmp, name));
  const folders = [...targets, join(tmp, WRITABLE.uploads, 'temp'), logDirectory(settings)];
  await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true })));

  const used = [...Object.keys(WRITABLE), 'uploads/temp'].map((folder) => join(home, folder));
  const checks = await Promise.allSettled(used.map((folder) => access(folder, constants.W_OK)));
  const refused = used.filter((_, index) => checks[index].status === 'rejected');
  if (refused.length > 0) {
    throw new ColdStartError(
      'filesystem',
      `not writable: ${refused.join(', ')} (the image must link them into ${tmp})`,
    );
  }
}
