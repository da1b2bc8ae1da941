/** @h4ad/serverless-adapter: AwsStreamHandler over Express. */

import { ServerlessAdapter } from '@h4ad/serverless-adapter';
import { ApiGatewayV1Adapter } from '@h4ad/serverless-adapter/adapters/aws';
import { ExpressFramework } from '@h4ad/serverless-adapter/frameworks/express';
import { AwsStreamHandler } from '@h4ad/serverless-adapter/handlers/aws';
import { DummyResolver } from '@h4ad/serverless-adapter/resolvers/dummy';
import { makeApp } from '../app/express.mjs';

export const handler = ServerlessAdapter.new(makeApp())
  .setFramework(new ExpressFramework())
  .setHandler(new AwsStreamHandler({ callbackWaitsForEmptyEventLoop: false }))
  .setResolver(new DummyResolver())
  .addAdapter(new ApiGatewayV1Adapter())
  .build();
