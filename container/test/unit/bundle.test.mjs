import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../../scripts/bundle.mjs';

const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));

test('every dependency of the handler is in the bundle, and nothing that only building needs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'librechat-bundle-'));
  try {
    await bundle(join(folder, 'task'));
    assert.deepEqual((await readdir(join(folder, 'task'))).sort(), ['node_modules', 'package.json', 'src']);
    assert.deepEqual(
      (await readdir(join(folder, 'task', 'node_modules'))).sort(),
      Object.keys(manifest.dependencies).sort(),
    );
    const ric = await readdir(join(folder, 'task', 'node_modules', 'aws-lambda-ric'));
    assert.deepEqual(ric.sort(), ['LICENSE', 'NOTICE', 'THIRD-PARTY-LICENSES', 'bin', 'dist', 'package.json']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a second bundle replaces the first as a whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'librechat-bundle-'));
  try {
    await bundle(join(folder, 'task'));
    await writeFile(join(folder, 'task', 'src', 'removed.mjs'), '');
    await bundle(join(folder, 'task'));
    assert.ok(!(await readdir(join(folder, 'task', 'src'))).includes('removed.mjs'));
    assert.deepEqual(await readdir(folder), ['task']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
