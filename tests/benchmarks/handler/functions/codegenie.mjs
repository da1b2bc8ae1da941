/** @codegenie/serverless-express over Express: a buffered control. */

import serverlessExpress from '@codegenie/serverless-express';
import { makeApp } from '../app/express.mjs';
import { buffered } from './support.mjs';

const binarySettings = { contentTypes: ['application/octet-stream'] };

export const handler = buffered(serverlessExpress({ app: makeApp(), binarySettings }));
