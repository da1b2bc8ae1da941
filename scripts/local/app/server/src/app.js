// The routes. LibreChat's own ones first, then a few that only tests of the path need.
import path from 'node:path';
import compression from 'compression';
import express from 'express';
import { authRoutes } from './auth.js';
import { chatRoutes } from './chat.js';
import { conversationRoutes } from './conversations.js';
import { fileRoutes } from './files.js';
import { probeRoutes } from './probes.js';

// /app/api/server/index.js → /app, as in LibreChat's image.
const ROOT = path.resolve(path.dirname(process.argv[1]), '..', '..');

export function createApp({ env, config, store, logger }) {
  const app = express();
  app.disable('x-powered-by');
  // LibreChat: `Number(TRUST_PROXY) || 1`; one hop is the Lambda handler.
  app.set('trust proxy', Number(env.TRUST_PROXY) || 1);

  app.get('/health', async (_request, response) => {
    await store.ping();
    response.type('text/plain').send('OK');
  });

  // Before the body parsers and the compression: probes see the bytes as they came.
  app.use(probeRoutes());
  app.use(express.json({ limit: '3mb' }));
  app.use(express.urlencoded({ extended: true, limit: '3mb' }));
  app.use(compression());

  app.use('/api/auth', authRoutes.api({ env, store }));
  app.use('/oauth', authRoutes.openid({ env }));
  app.use('/api', conversationRoutes({ store }));
  app.use('/api', chatRoutes({ store, logger }));
  app.use('/api/files', fileRoutes({ env, root: ROOT, logger }));
  app.get('/api/config', (_request, response) => {
    response.json({
      appTitle: 'LibreChat stand-in',
      serverDomain: env.DOMAIN_SERVER ?? 'http://localhost:3080',
      customConfig: config,
      store: store.kind,
    });
  });

  const dist = path.join(ROOT, 'client', 'dist');
  app.use(express.static(dist, { index: false }));
  // LibreChat answers every unknown path with the client, /api/… included: a status proves nothing.
  app.use((_request, response) => response.sendFile('index.html', { root: dist }));

  app.use((error, _request, response, next) => {
    logger.error(`${error.name}: ${error.message}`);
    if (response.headersSent) {
      return next(error);
    }
    return response.status(error.status ?? 500).json({ message: error.message });
  });
  return app;
}
