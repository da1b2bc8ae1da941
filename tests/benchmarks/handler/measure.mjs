/**
 * The measuring process: for each line `{"what", "candidate", …}` on stdin one line of JSON on stdout,
 * `{"result"}` or `{"error"}`. One process for a whole run, so that all meet the same warm server.
 */

import { createInterface } from 'node:readline';
import { AWS_CONTENT, inProcess, ours } from './candidates.mjs';
import { bundleIntoOneFile, measureApp, measureFetches, measureStart } from './coldstart.mjs';
import { checkCorrectness } from './correctness.mjs';
import { Streaming } from './streaming.mjs';

// Ours reads secrets and config at its start: the server of its own tests answers.
const { startAws } = await import(`${process.argv[2]}/test/support/aws.mjs`);
const aws = await startAws(AWS_CONTENT);
const account = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' };

const ONE_FILE = 'task-in-one-file';

/** Candidate → its function, which lives on from turn to turn. */
const living = new Map();

const WORK = {
  streaming: ({ candidate, amounts }) => {
    if (!living.has(candidate)) living.set(candidate, new Streaming(byName(candidate)));
    return living.get(candidate).turn(amounts);
  },
  correctness: ({ candidate }) => checkCorrectness(byName(candidate)),
  'one file': () => bundleIntoOneFile(ONE_FILE),
  start: ({ candidate }) => (candidate === 'app' ? measureApp() : measureStart(byName(candidate))),
  fetches: ({ candidate }) => measureFetches(aws, account, candidate === 'side by side'),
};

function byName(name) {
  if (name === 'ours') return ours(aws);
  return name === 'ours in one file' ? ours(aws, ONE_FILE) : inProcess(name);
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const answer = await WORK[order.what](order).then(
    (result) => ({ result: result ?? {} }),
    (error) => ({ error: error.message }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
for (const streaming of living.values()) await streaming.stop();
await aws.close();
