/**
 * Entry point of the Lambda function: aws-lambda-ric loads this module once per execution environment and
 * calls `handler` once per request.
 *
 * Loading starts LibreChat at once, and waits for it as long as Lambda's init phase allows. Requests that
 * come earlier wait in their own invocation.
 */

import { Application } from './application.mjs';
import { Aws } from './aws.mjs';
import { Log } from './log.mjs';
import { Redactor } from './redact.mjs';
import { readSettings } from './settings.mjs';

/**
 * Lambda cuts the init phase at 10 s and starts all over inside the first invocation.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
 */
const INIT_BUDGET_MS = 8_500;

const { env } = process;
const settings = readSettings(env);
const redactor = new Redactor();
redactor.add({
  AWS_SECRET_ACCESS_KEY: env.AWS_SECRET_ACCESS_KEY ?? '',
  AWS_SESSION_TOKEN: env.AWS_SESSION_TOKEN ?? '',
});
for (const digest of settings.access.secrets) redactor.add({ ORIGIN_KEY_HASHES: digest });
const log = new Log(redactor);
const application = new Application({ settings, env, aws: new Aws(env), log, redactor });

process.once('exit', () => application.stop());
process.once('SIGTERM', () => process.exit(0));

const firstStart = application.ready().catch((error) => {
  // Not thrown: the next invocation tries again and can say what is wrong.
  log.error('cold_start_failed', { phase: error.phase, reason: error.message, output: error.output });
});
// What only requests need is loaded while secrets and config are on their way.
const { createInvocation } = await import('./invocation.mjs');

// With provisioned concurrency nobody is waiting yet, and init may take as long as it needs.
const budget = settings.provisioned ? Infinity : Math.max(0, INIT_BUDGET_MS - performance.now());
await Promise.race(budget === Infinity ? [firstStart] : [firstStart, timeout(budget)]);

export const handler = globalThis.awslambda.streamifyResponse(
  createInvocation({ settings, application, log }),
);

function timeout(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
