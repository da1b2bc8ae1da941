import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, test } from 'node:test';
import { send } from '../../src/upstream.mjs';

const servers = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** An app that answers with the number of the connection that a request came on, unless told otherwise. */
async function startApp(answer = (_, response, number) => response.end(String(number))) {
  const connections = [];
  const server = createServer((request, response) => {
    if (!connections.includes(request.socket)) connections.push(request.socket);
    answer(request, response, connections.indexOf(request.socket) + 1);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return server.address().port;
}

const never = new AbortController().signal;

async function ask(port, method = 'GET') {
  const response = await send(port, { method, target: '/', headers: {}, body: undefined }, never);
  let text = '';
  for await (const chunk of response) text += chunk;
  // The connection is free for the next request when the response has been closed, not before.
  if (!response.closed) await once(response, 'close');
  return text;
}

test('requests that may be sent twice share a connection', async () => {
  const port = await startApp();
  assert.deepEqual([await ask(port), await ask(port)], ['1', '1']);
});

test('any other request has a connection of its own: nobody could tell whether a stale one delivered it', async () => {
  const port = await startApp();
  assert.deepEqual([await ask(port), await ask(port, 'POST'), await ask(port, 'POST')], ['1', '2', '3']);
});

test('a connection that was idle for longer, as in a frozen environment, is not used again', async (t) => {
  const port = await startApp();
  await ask(port);
  const now = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => now() + 1_500);
  assert.equal(await ask(port), '2');
});

test('a request that meets a connection closed by the app is sent again on a new one', async () => {
  let seen = 0;
  const port = await startApp((request, response, number) => {
    seen += 1;
    if (seen === 2) request.socket.destroy();
    else response.end(String(number));
  });
  assert.deepEqual([await ask(port), await ask(port)], ['1', '2']);
  assert.equal(seen, 3);
});

test('a new connection that breaks is an error, not a reason to try again', async () => {
  let seen = 0;
  const port = await startApp((request) => {
    seen += 1;
    request.socket.destroy();
  });
  await assert.rejects(ask(port), { code: 'ECONNRESET' });
  assert.equal(seen, 1);
});
