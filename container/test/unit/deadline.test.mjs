import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../src/deadline.mjs';
import { DeadlineError } from '../../src/errors.mjs';

const lambdaEndsIn = (ms) => {
  const end = Date.now() + ms;
  return { getRemainingTimeInMillis: () => end - Date.now() };
};

test('it comes before the timeout of Lambda, with time left to say so', async () => {
  const context = lambdaEndsIn(200);
  const deadline = new Deadline(context);
  await assert.rejects(deadline.race(new Promise(() => {})), DeadlineError);
  assert.ok(context.getRemainingTimeInMillis() > 0);
});

test('it does not stand in the way of what is done in time', async () => {
  const deadline = new Deadline(lambdaEndsIn(60_000));
  assert.equal(await deadline.race(Promise.resolve('done')), 'done');
  await assert.rejects(deadline.race(Promise.reject(new Error('failed'))), /failed/);
  deadline.dispose();
});

test('once passed, the failure of what was raced against it does not end the process', async (t) => {
  t.after(() => process.removeListener('unhandledRejection', fail));
  const unhandled = [];
  const fail = (error) => unhandled.push(error);
  process.on('unhandledRejection', fail);
  const deadline = new Deadline(lambdaEndsIn(0));
  await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve));
  await assert.rejects(deadline.race(Promise.reject(new Error('failed'))), DeadlineError);
  await new Promise(setImmediate);
  assert.deepEqual(unhandled, []);
});

test('once passed, nothing else begins', async () => {
  const deadline = new Deadline(lambdaEndsIn(0));
  await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve));
  await assert.rejects(deadline.race(Promise.resolve('late')), DeadlineError);
});
