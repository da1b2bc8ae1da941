/** What a candidate does where adapters differ: once each, in words. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Started } from './candidates.mjs';
import { COOKIES, EVERY_BYTE, EVERY_BYTE_HASH } from './app/content.mjs';

const MEGABYTE = 1_048_576;
/** So much does not fit into the socket buffers on the way. */
const LARGE = 96 * MEGABYTE;
/** Kernel buffers of two connections and the streams' own: several times what was seen. */
const BOUNDED = 24 * MEGABYTE;
const SLOW_MS = 1_500;
const ABORT_WAIT_MS = 3_000;

/** @returns {Promise<Record<string, string>>} Name of the check → what was seen; `ok` where all is well. */
export async function checkCorrectness(candidate) {
  const started = await Started.start(candidate);
  try {
    await started.ready();
    const checks = { cookies, empty, binary, backpressure, abort };
    const seen = {};
    for (const [name, check] of Object.entries(checks)) {
      seen[name] = started.running ? await check(started) : 'the runtime had died';
    }
    return seen;
  } finally {
    await started.stop();
  }
}

async function cookies(started) {
  const { prelude } = await started.invoke('/api/cookies');
  if (!prelude) return 'no answer';
  const named = (values) => Object.entries(values ?? {}).find(([name]) => name.toLowerCase() === 'set-cookie')?.[1];
  const several = prelude.cookies ?? named(prelude.multiValueHeaders);
  if (JSON.stringify(several) === JSON.stringify(COOKIES)) return 'ok';
  const single = named(prelude.headers);
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
  if (Array.isArray(single)) return 'a list in headers: API Gateway answers 502';
  return single ? 'joined into one' : 'lost';
}

async function empty(started) {
  const seen = [];
  for (const [path, status] of [['/api/none', 204], ['/api/same', 304]]) {
    const answer = await started.invoke(path);
    if (answer.prelude?.statusCode !== status) seen.push(`${status} without its status`);
    else if (answer.bytes > 0) seen.push(`${status} with ${answer.bytes} bytes`);
  }
  return seen.join(', ') || 'ok';
}

async function binary(started) {
  const hash = createHash('sha256');
  const answer = await started.invoke('/api/binary', {}, { onBody: (chunk) => hash.update(chunk) });
  if (hash.digest('hex') === EVERY_BYTE_HASH) return 'ok';
  return answer.bytes === EVERY_BYTE.length ? 'changed' : `${answer.bytes} of ${EVERY_BYTE.length} bytes`;
}

/** The reader stops: how much does the app get rid of meanwhile? */
async function backpressure(started) {
  let paused;
  const onBody = (_, __, request) => {
    if (paused) return;
    request.pause();
    paused = sleep(SLOW_MS).then(async () => {
      const given = Number((await started.notes()).filter((line) => line.startsWith('given')).at(-1)?.slice(6) ?? 0);
      request.resume();
      return given;
    });
  };
  const answer = await started.invoke('/api/volume', { bytes: String(LARGE) }, { onBody });
  if (!answer.streamed) return 'buffers all of it';
  if (answer.bytes !== LARGE) return `${answer.bytes} of ${LARGE} bytes came`;
  const given = await paused;
  return given <= BOUNDED ? 'ok' : `took ${Math.round(given / MEGABYTE)} MB ahead`;
}

/** The connection of the response breaks in the middle: is the app's request ended, and who survives? */
async function abort(started) {
  let bytes = 0;
  const onBody = (chunk, _, request) => {
    bytes += chunk.length;
    if (bytes > 600) request.destroy();
  };
  const answer = await started.invoke('/api/events', { count: '500', interval: '10' }, { onBody });
  if (!answer.streamed) return 'never streams';
  const until = Date.now() + ABORT_WAIT_MS;
  let stopped = false;
  while (!stopped && Date.now() < until) {
    await sleep(20);
    stopped = (await started.notes()).includes('stopped') || !started.running;
  }
  await Promise.race([started.gone, sleep(200)]);
  const app = stopped ? 'ok' : 'the app goes on';
  return started.running ? app : `${app}; the runtime ends`;
}
