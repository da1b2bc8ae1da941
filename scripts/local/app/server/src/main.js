// The stand-in for LibreChat's server: the contracts that a deployment depends on (start, health,
// sessions, streaming, uploads), without models and without MongoDB. Not a chat product.
//
// Packed as /app/api/server/index.js and started like the original: `node server/index.js` in
// /app/api. Whatever LibreChat v0.8.2-rc1 does to a deployment that is set up wrongly, this does too.
import { createApp } from './app.js';
import { loadAppConfig } from './config.js';
import { createLogger } from './log.js';
import { connectStore } from './store.js';

async function main() {
  const logger = createLogger(process.env);

  if (!process.env.MONGO_URI) {
    throw new Error('Please define the MONGO_URI environment variable');
  }
  const config = loadAppConfig(process.env, logger);
  const store = await connectStore(process.env, logger);
  const app = createApp({ env: process.env, config, store, logger });

  const host = process.env.HOST || 'localhost';
  const port = Number(process.env.PORT ?? 3080);
  const server = app.listen(port, host, () =>
    logger.info(`Server listening at http://${host}:${server.address().port}`),
  );
  server.on('error', fail);

  process.on('SIGTERM', () => {
    logger.info('SIGTERM received, closing');
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    // Streams may run for minutes; a stop does not wait for them.
    setTimeout(() => process.exit(0), 2_000).unref();
  });
}

function fail(error) {
  process.stderr.write(`There was an uncaught error: ${error?.stack ?? error}\n`);
  process.exit(1);
}

// LibreChat's own rule: an error that nobody caught ends the server.
process.on('uncaughtException', fail);
main().catch(fail);
