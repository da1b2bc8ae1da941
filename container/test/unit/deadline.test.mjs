import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../src/deadline.mjs';
import { DeadlineError, StreamLimitError } from '../../src/errors.mjs';

const lambdaEndsIn = (ms) => {
  const end = Date.now() + ms;
  return { getRemainingTimeInMillis: () => end - Date.now() };
};

for (const [ms, left] of [
  [2_000, 200],
  [900_000, 2_000],
]) {
  test(`it comes ${left} ms before the timeout of ${ms} ms: time to say so`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const context = lambdaEndsIn(ms);
    const deadline = new Deadline(context);
    t.mock.timers.tick(ms - left - 1);
    assert.equal(deadline.signal.aborted, false);
    t.mock.timers.tick(1);
    await assert.rejects(deadline.race(new Promise(() => {})), DeadlineError);
    assert.equal(context.getRemainingTimeInMillis(), left);
  });
}

test('it can be made shorter, never longer, and then ends for the reason of who made it so', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const deadline = new Deadline(lambdaEndsIn(60_000));
  deadline.shorten(100, new StreamLimitError('first'));
  deadline.shorten(500, new StreamLimitError('second'));
  t.mock.timers.tick(99);
  assert.equal(deadline.signal.aborted, false);
  t.mock.timers.tick(1);
  assert.ok(deadline.signal.reason instanceof StreamLimitError);
  assert.equal(deadline.signal.reason.message, 'first');
});

test('a limit that is longer than the time that Lambda gives is not the reason', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const deadline = new Deadline(lambdaEndsIn(1_000));
  deadline.shorten(60_000, new StreamLimitError('not this'));
  t.mock.timers.tick(900);
  assert.match(deadline.signal.reason.message, /within 900 ms/);
  assert.ok(deadline.signal.reason instanceof DeadlineError);
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
