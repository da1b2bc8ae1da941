/**
 * Fills a folder with exactly what the image holds at /var/task: `node scripts/bundle.mjs [FOLDER]`.
 *
 * The list of files is `runtimeFiles` in package.json, because the image's content tag covers that file.
 * The Dockerfile and the pack without an engine both call this. Left out is what only building needs:
 * node-gyp, and 150 MB of curl and aws-lambda-cpp sources inside aws-lambda-ric.
 */

import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string} folder Replaced as a whole; the files appear all at once. */
export async function bundle(folder) {
  const { runtimeFiles } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const partial = `${folder}.${process.pid}`;
  const previous = `${partial}.previous`;
  await mkdir(partial, { recursive: true });
  for (const path of runtimeFiles) {
    await cp(join(root, path), join(partial, path), { recursive: true, preserveTimestamps: true });
  }
  await rename(folder, previous).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(partial, folder);
  await rm(previous, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(resolve(process.argv[2] ?? join(root, '.build', 'task')));
}
