/** The app's secrets, read from SSM Parameter Store at cold start (FR-024). They live in memory only. */

import { ColdStartError } from './errors.mjs';

/** GetParameters takes at most ten names. */
const BATCH = 10;

/**
 * @param {Pick<import('./aws.mjs').Aws, 'getParameters'>} aws
 * @param {Record<string, string>} parameters Variable → parameter name or ARN.
 * @returns {Promise<Record<string, string>>} Variable → value.
 * @throws {ColdStartError} naming every parameter that is missing, never a value.
 */
export async function fetchSecrets(aws, parameters) {
  const wanted = [...new Set(Object.values(parameters))];
  const batches = [];
  for (let start = 0; start < wanted.length; start += BATCH) batches.push(wanted.slice(start, start + BATCH));

  let answers;
  try {
    answers = await Promise.all(batches.map((names) => aws.getParameters(names)));
  } catch (error) {
    throw new ColdStartError('secrets', `SSM GetParameters failed: ${error.message}`, { cause: error });
  }

  const values = new Map();
  for (const { Name, ARN, Value } of answers.flatMap((answer) => answer.Parameters ?? [])) {
    values.set(Name, Value);
    if (ARN) values.set(ARN, Value);
  }
  const valueOf = (parameter) => values.get(parameter) ?? values.get(nameOf(parameter));

  const entries = Object.entries(parameters);
  const missing = entries.filter(([, parameter]) => valueOf(parameter) === undefined);
  if (missing.length > 0) {
    const names = missing.map(([variable, parameter]) => `${variable} (${parameter})`).join(', ');
    throw new ColdStartError('secrets', `SSM parameters not found: ${names}`);
  }
  return Object.fromEntries(entries.map(([variable, parameter]) => [variable, valueOf(parameter)]));
}

/** `arn:aws:ssm:REGION:ACCOUNT:parameter/a/b` names `/a/b`; `parameter/a` may also stand for plain `a`. */
function nameOf(parameter) {
  return parameter.replace(/^arn:[^:]*:ssm:[^:]*:[^:]*:parameter(?=\/)/, '');
}
