/**
 * srvx: its Lambda adapter over Express, which it turns into a fetch handler.
 *
 * As a function of two parameters: with three (an Express app takes `next`, too) srvx waits for the whole
 * answer.
 */

import { handleLambdaEventWithStream } from 'srvx/aws-lambda';
import { toFetchHandler } from 'srvx/node';
import { makeApp } from '../app/express.mjs';
import { streaming } from './support.mjs';

const app = makeApp();
const fetchHandler = toFetchHandler((request, response) => app(request, response));

export const handler = streaming((event, stream, context) =>
  handleLambdaEventWithStream(fetchHandler, event, stream, context),
);
