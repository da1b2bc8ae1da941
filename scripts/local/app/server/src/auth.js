// Logins: a token and two cookies in one response, and the redirect of an OpenID callback.
import crypto from 'node:crypto';
import express from 'express';

const SESSION = { httpOnly: true, secure: true, sameSite: 'strict', path: '/' };
const TOKEN_MS = 15 * 60 * 1000;

// Accounts with a password, and those that LibreChat refuses, each with its status and words. Any other
// address is let in with any password: a test of the path needs no account.
const BANNED = 'Your account has been temporarily banned due to violations of our service.';
const ACCOUNTS = {
  'you@example.org': { password: 'p4rrot-7d41c0' },
  'nobody@example.org': { status: 404, message: 'Email does not exist.' },
  'unverified@example.org': { status: 422, message: 'Email not verified.' },
  'banned@example.org': { status: 403, message: BANNED },
  'hasty@example.org': {
    status: 429,
    message: 'Too many login attempts, please try again after 5 minutes.',
  },
};
const SECOND_FACTOR = 'careful@example.org';

export const authRoutes = {
  api({ env, store }) {
    const router = express.Router();

    // A token of LibreChat is a JWT and holds its user; here the store knows whose it is.
    const issue = async (email) => {
      const token = crypto.randomUUID();
      await store.set(`token:${token}`, email, Number(env.SESSION_EXPIRY) || TOKEN_MS);
      return token;
    };

    router.post('/login', async (request, response) => {
      const { email, password } = request.body ?? {};
      const account = ACCOUNTS[email] ?? {};
      // Passport's failures come with status 404 in LibreChat.
      if (!email || !password) {
        return response.status(404).json({ message: 'Missing credentials' });
      }
      if (account.status) {
        return response.status(account.status).json({ message: account.message });
      }
      if (account.password && account.password !== password) {
        return response.status(404).json({ message: 'Incorrect password.' });
      }
      if (email === SECOND_FACTOR) {
        return response.json({ twoFAPending: true, tempToken: crypto.randomUUID() });
      }
      const refreshToken = crypto.randomUUID();
      await store.set(`session:${refreshToken}`, email);
      response.cookie('refreshToken', refreshToken, SESSION);
      response.cookie('token_provider', 'librechat', SESSION);
      // Counted by client address like LibreChat's limiter: wrong when proxies are not resolved.
      const logins = await store.increment(`logins:${request.ip}`);
      return response.json({ token: await issue(email), user: { email }, ip: request.ip, logins });
    });
    router.post('/refresh', async (request, response) => {
      const { refreshToken } = cookies(request);
      if (!refreshToken) {
        return response.send('Refresh token not provided');
      }
      const email = await store.get(`session:${refreshToken}`);
      if (!email) {
        return response.status(401).send('Refresh token expired or not found for this user');
      }
      return response.json({ token: await issue(email), user: { email } });
    });
    router.post('/logout', requireUser({ store }), async (request, response) => {
      await store.delete(`session:${cookies(request).refreshToken}`);
      response.clearCookie('refreshToken', SESSION);
      response.clearCookie('token_provider', SESSION);
      response.json({ message: 'Logout successful' });
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

/** Lets a request pass whose bearer token is valid, and says whose it is in `request.user`. */
export function requireUser({ store }) {
  return async (request, response, next) => {
    const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    request.user = token && (await store.get(`token:${token}`));
    if (!request.user) {
      return response.status(401).end('Unauthorized');
    }
    return next();
  };
}

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
