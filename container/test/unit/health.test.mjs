import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { EventEmitter, once } from 'node:events';
import { afterEach, test } from 'node:test';
import { ATTEMPTS, INTERVAL_MS, pollHealth } from '../../src/health.mjs';

const never = new Promise(() => {});
const servers = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function serve(answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return server.address().port;
}

const poll = (port, options) =>
  pollHealth({ port, running: () => true, exited: never, attempts: 3, intervalMs: 500, ...options });

test('the budget is the one of FR-028a: 60 attempts, 500 ms apart', () => {
  assert.deepEqual([ATTEMPTS, INTERVAL_MS], [60, 500]);
});

test('only the body OK counts: LibreChat answers unknown paths with 200 and index.html', async () => {
  const port = await serve((_, response) => response.end('<!doctype html>'));
  const health = await poll(port, { attempts: 1, intervalMs: 5_000 });
  assert.equal(health.healthy, false);
  assert.match(health.reason, /status 200, body "<!doctype html>"/);
});

test('an app that becomes healthy is seen at the next attempt', async () => {
  let asked = 0;
  const port = await serve((request, response) => {
    assert.equal(request.url, '/health');
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200).end(asked < 3 ? 'starting' : 'OK');
  });
  const { healthy, attempts } = await poll(port);
  assert.deepEqual([healthy, attempts], [true, 3]);
});

test('an app that accepts and never answers uses up one interval per attempt', async () => {
  const port = await serve(() => {});
  const health = await poll(port, { intervalMs: 30 });
  assert.deepEqual([health.healthy, health.attempts, health.reason], [false, 3, 'no answer in 30 ms']);
});

test('polling stops at once when the app has exited', async () => {
  let running = true;
  let exit;
  const exited = new Promise((resolve) => (exit = resolve));
  const port = await serve((request) => {
    running = false;
    request.socket.destroy();
    exit();
  });
  // An interval that nobody would live to see the end of.
  const health = await poll(port, { running: () => running, exited, attempts: 60, intervalMs: 100_000_000 });
  assert.deepEqual([health.healthy, health.attempts], [false, 1]);
});

test('an app that says something when it listens is asked then, not when the interval is over', async () => {
  const server = createServer((_, response) => response.end('OK'));
  const port = await serve((_, response) => response.end());
  await new Promise((resolve) => servers.pop().close(resolve));
  const lines = new EventEmitter();
  let refused = 0;
  const said = async () => {
    // Asked for before the attempt and after each look: nobody listens during the first two.
    refused += 1;
    if (refused === 3) servers.push(server.listen(port, '127.0.0.1', () => lines.emit('line')));
    else setTimeout(() => lines.emit('line'), 5);
    await once(lines, 'line');
  };
  // An interval that nobody would live to see the end of.
  const { healthy, attempts } = await poll(port, { intervalMs: 100_000_000, said });
  assert.deepEqual([healthy, attempts], [true, 2]);
});
