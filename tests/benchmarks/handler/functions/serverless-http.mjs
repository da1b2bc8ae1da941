/** serverless-http over Express: a buffered control. */

import serverless from 'serverless-http';
import { makeApp } from '../app/express.mjs';
import { buffered } from './support.mjs';

export const handler = buffered(serverless(makeApp(), { binary: ['application/octet-stream'] }));
