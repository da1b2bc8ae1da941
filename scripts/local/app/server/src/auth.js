// Logins: two cookies in one response, and the redirect of an OpenID callback.
import crypto from 'node:crypto';
import express from 'express';

const SESSION = { httpOnly: true, secure: true, sameSite: 'strict', path: '/' };

export const authRoutes = {
  api({ store }) {
    const router = express.Router();
    router.post('/login', async (request, response) => {
      const { email, password } = request.body ?? {};
      if (!email || !password) {
        return response.status(422).json({ message: 'email and password are required' });
      }
      const refreshToken = crypto.randomUUID();
      await store.set(`session:${refreshToken}`, email);
      response.cookie('refreshToken', refreshToken, SESSION);
      response.cookie('token_provider', 'librechat', SESSION);
      // Counted by client address like LibreChat's limiter: wrong when proxies are not resolved.
      const logins = await store.increment(`logins:${request.ip}`);
      return response.json({ token: crypto.randomUUID(), user: { email }, ip: request.ip, logins });
    });
    router.post('/refresh', async (request, response) => {
      const email = await store.get(`session:${cookies(request).refreshToken}`);
      if (!email) {
        return response.status(401).json({ message: 'Refresh token not found' });
      }
      return response.json({ token: crypto.randomUUID(), user: { email } });
    });
    return router;
  },

  openid({ env }) {
    const router = express.Router();
    router.get('/openid/callback', (_request, response) => {
      response.cookie('refreshToken', crypto.randomUUID(), SESSION);
      response.cookie('token_provider', 'openid', SESSION);
      response.redirect(302, env.DOMAIN_CLIENT || '/');
    });
    return router;
  },
};

/** The cookies of a request, by name. */
export function cookies(request) {
  const pairs = (request.headers.cookie ?? '').split(/;\s*/).filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name, ...value] = pair.split('=');
      return [name, decodeURIComponent(value.join('='))];
    }),
  );
}
