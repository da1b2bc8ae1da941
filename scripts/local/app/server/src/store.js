// Sessions, counters and conversations: in Redis, or in memory when no Redis is configured.
import Redis from 'ioredis';

// Measured on LibreChat v0.8.2-rc1 with USE_REDIS and an unreachable server: exit after 6.1 s.
const CONNECT_TIMEOUT_MS = 6_000;
const TTL_MS = 3_600_000;
const PREFIX = 'standin:';

/** Connects before the server listens: LibreChat is not healthy without its Redis. */
export async function connectStore(env, logger) {
  if (env.USE_REDIS !== 'true') {
    return memoryStore();
  }
  if (!env.REDIS_URI) {
    throw new Error('USE_REDIS is enabled but REDIS_URI is not set.');
  }
  const redis = new Redis(env.REDIS_URI, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 3,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
  });
  let lastError = new Error('connect ETIMEDOUT');
  redis.on('error', (error) => {
    lastError = error;
    logger.error(`ioredis error: ${error.message || error.code}`);
  });
  await new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      redis.disconnect();
      reject(new Error(`Redis not reachable: ${lastError.message || lastError.code}`));
    }, CONNECT_TIMEOUT_MS);
    redis.once('ready', () => {
      clearTimeout(deadline);
      resolve();
    });
    // The first failure is not the end: ioredis goes on trying until the deadline.
    redis.connect().catch(() => {});
  });
  logger.info('Redis client connected');
  return {
    kind: 'redis',
    ping: () => redis.ping(),
    get: (key) => redis.get(PREFIX + key),
    set: (key, value, ms = TTL_MS) => redis.set(PREFIX + key, value, 'PX', ms),
    delete: (...keys) => redis.del(keys.map((key) => PREFIX + key)),
    increment: (key) => redis.incr(PREFIX + key),
  };
}

function memoryStore() {
  const values = new Map();
  const live = (key) => {
    const { value = null, until = 0 } = values.get(key) ?? {};
    return Date.now() < until ? value : null;
  };
  return {
    kind: 'memory',
    ping: async () => 'PONG',
    get: async (key) => live(key),
    set: async (key, value, ms = TTL_MS) => void values.set(key, { value, until: Date.now() + ms }),
    delete: async (...keys) => keys.forEach((key) => values.delete(key)),
    increment: async (key) => {
      const count = Number(live(key) ?? 0) + 1;
      values.set(key, { value: count, until: Infinity });
      return count;
    },
  };
}
