import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Child } from '../../src/child.mjs';

const start = (program) =>
  new Child({
    command: process.execPath,
    args: ['-e', program],
    cwd: '.',
    env: process.env,
    clean: (line) => line,
    onLine: () => {},
  });

test('each line that it prints is a sign of life for those who wait for one', async () => {
  const child = start(`
    setInterval(() => {}, 1_000);
    process.once('SIGUSR2', () => {
      console.log('two');
      process.exit();
    });
    console.log('one');
  `);
  await child.nextLine();
  assert.deepEqual(child.lastLines, ['one']);
  const [next, same] = [child.nextLine(), child.nextLine()];
  child.kill('SIGUSR2');
  await Promise.all([next, same]);
  assert.deepEqual(child.lastLines, ['one', 'two']);
  await child.exited;
});
