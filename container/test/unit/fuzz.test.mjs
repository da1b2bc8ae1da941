/* eslint max-len: [error, 150] -- tables of cases */
/**
 * Generated events and generated answers of an app: no crash, no hang, no header that nobody sent.
 *
 * What the app sees is read off the wire by a reader of our own: a parser that forgives would hide what was
 * smuggled past it.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { RequestError, UpstreamError } from '../../src/errors.mjs';
import { toRequest } from '../../src/request.mjs';
import { toPrelude } from '../../src/response.mjs';
import { send } from '../../src/upstream.mjs';
import { generator, SEED } from '../support/random.mjs';

const EVENTS = 5_000;
const RESPONSES = 8_000;
const HOST = 'lambda-test.sandbox.data.apro.is';
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
 
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const INJECTED = 'x-injected';

const servers = [];
const sockets = new Set();
after(() => {
  for (const each of servers) each.close();
  for (const each of sockets) each.destroy();
});

/** A server on loopback that is given each connection. */
async function listen(onConnection) {
  const server = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    onConnection(socket);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return server.address().port;
}

const HOSTILE = ['\r\n', '\n', '\r', '\0', '\r\n ', '\r\n\t', ': ', '%0d%0a', '\u010d\u010a', '\ud800', 'é', '😀', '\t', '\x7f'];
const INJECTION = `\r\n${INJECTED}: 1`;

function eventsOf({ below, pick, some, text }) {
  const words = ['', 'a', 'text/html', '1, 2', '../..', '%2e%2e', '%', '?a=b', '#', '"', '__proto__', 'A'.repeat(500)];
  const string = () => [...some(3, () => pick([...words, ...HOSTILE, INJECTION, text(6, 'aZ9-_ ')]))].join('');
  const anything = () => pick([null, undefined, 0, 7, true, {}, [], [null], [[string()]], { a: null }, string()]);
  const names = [
    'Accept', 'Cookie', 'Host', 'HOST', 'Connection', 'Transfer-Encoding', 'Content-Length', 'Content-length', 'Expect',
    'Upgrade', 'TE', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP', 'X-Origin-Key', 'X-Diagnostic-Token', '__proto__',
    'constructor', 'X-A', `X-A${INJECTION}`, 'X A', 'X-A:', '', 'é',
  ];
  const record = (value) => Object.fromEntries(some(5, () => [pick([...names, string()]), value()]));
  const usually = (usual, otherwise = anything) => (below(12) === 0 ? otherwise() : usual());
  const list = () => usually(() => some(3, () => usually(string)));
  return () =>
    usually(() => ({
      httpMethod: usually(() => pick(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'get', 'CONNECT', 'TRACE', string()])),
      path: usually(() => `/${string()}`),
      multiValueHeaders: usually(() => record(list), () => pick([null, undefined, 'x'])),
      headers: usually(() => record(() => usually(string))),
      multiValueQueryStringParameters: usually(() => record(list)),
      queryStringParameters: usually(() => record(() => usually(string))),
      requestContext: usually(() => ({ identity: usually(() => ({ sourceIp: usually(() => pick(['192.0.2.1', string()])) })) })),
      body: usually(() => pick([null, string(), 'GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n'])),
      isBase64Encoded: usually(() => pick([true, false])),
    }));
}

/** The requests on a connection, read strictly: lines end in CRLF, a body has its announced length. */
function parse(bytes) {
  const requests = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    assert.ok(end > 0, `no end of the header: ${rest}`);
    const [line, ...fields] = rest.slice(0, end).split('\r\n');
    assert.match(line, /^[!#$%&'*+.^_`|~0-9A-Z-]+ \/[\x21-\x7e]* HTTP\/1\.1$/);
    const headers = fields.map((field) => {
      const colon = field.indexOf(':');
      const [name, value] = [field.slice(0, colon), field.slice(colon + 1).trim()];
      assert.ok(TOKEN.test(name) && VALUE.test(value), `not valid: ${JSON.stringify(field)}`);
      return [name.toLowerCase(), value];
    });
    const lengths = headers.filter(([name]) => name === 'content-length').map(([, value]) => Number(value));
    const length = lengths[0] ?? 0;
    requests.push({ line, headers, lengths, body: rest.slice(end + 4, end + 4 + length) });
    assert.ok(rest.length >= end + 4 + length, 'less of a body than announced');
    rest = rest.slice(end + 4 + length);
  }
  return requests;
}

test(`${EVENTS} generated events become one valid request each, or a 400 (FUZZ_SEED=${SEED})`, async () => {
  const received = [];
  const port = await listen((socket) => {
    let seen = '';
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      seen += chunk;
      const length = Number(/^content-length: (\d+)\r$/im.exec(seen)?.[1] ?? 0);
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0 || seen.length < end + 4 + length) return;
      received.push(seen);
      seen = '';
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  const next = eventsOf(generator());
  let refused = 0;
  for (let number = 0; number < EVENTS; number += 1) {
    const event = next();
    const what = JSON.stringify(event);
    try {
      const request = toRequest(event, { publicHost: HOST });
      const response = await send(port, request, AbortSignal.timeout(60_000));
      assert.equal(response.statusCode, 204);
      response.resume();
      if (!response.closed) await once(response, 'close');
      const requests = parse(received.splice(0).join(''));
      assert.equal(requests.length, 1, what);
      const [{ headers, lengths, body }] = requests;
      const valuesOf = (name) => headers.filter(([each]) => each === name).map(([, value]) => value);
      assert.deepEqual(valuesOf('host'), [HOST], what);
      assert.equal(valuesOf('x-forwarded-for').length, 1, what);
      assert.ok(lengths.length <= 1, what);
      assert.equal(body.length, request.body?.length ?? 0, what);
      for (const name of [INJECTED, 'transfer-encoding', 'expect', 'upgrade', 'x-origin-key', 'x-diagnostic-token']) {
        assert.deepEqual(valuesOf(name), [], what);
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw new Error(`case ${number}: ${what}`, { cause: error });
      refused += 1;
    }
  }
  assert.ok(refused > EVENTS / 20 && refused < EVENTS * 0.9, `${refused} of ${EVENTS} were refused`);
});

/** Bytes that an app may write, from proper to nonsense. */
function responsesOf({ below, pick, some, text }) {
  const sometimes = (usual, rare) => (below(10) === 0 ? rare() : usual());
  const status = () => sometimes(() => pick([200, 204, 302, 304, 404, 500, 599]), () => pick([0, 99, 100, 101, 103, 199, 600, 999, 'x', '']));
  const value = () => [...some(3, () => sometimes(() => text(8, 'aZ9 ,;="é'), () => pick([...HOSTILE, INJECTION])))].join('');
  const name = () =>
    sometimes(
      () => pick(['Content-Type', 'Set-Cookie', 'Vary', 'X-A', 'x-a', 'Connection', 'Keep-Alive', '__proto__', 'Via']),
      () => pick(['X A', '', 'X-A ', ' X-A', 'Content-Length', 'Transfer-Encoding', 'X\0', 'é', `X${INJECTION}`]),
    );
  const body = () => text(below(40), 'abc\r\n\0: ');
  return () => {
    const content = body();
    const framing = sometimes(
      () => `Content-Length: ${content.length}`,
      () => pick(['', 'Content-Length: 7', 'Content-Length: -1', 'Transfer-Encoding: chunked', 'Content-Length: 1\r\nContent-Length: 2']),
    );
    const early = sometimes(() => '', () => pick(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n']));
    const lines = [`HTTP/1.1 ${status()} ${text(4, 'aZ ')}`, ...some(6, () => `${name()}: ${value()}`), framing];
    const ending = sometimes(() => '\r\n', () => pick(['\n', '\r', '\r\n ']));
    return `${early + lines.filter(Boolean).join(ending)  }\r\n\r\n${  content}`;
  };
}

test(`${RESPONSES} generated answers become a valid prelude each, or a 502 (FUZZ_SEED=${SEED})`, async () => {
  const next = responsesOf(generator());
  let bytes;
  const port = await listen((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes, 'latin1'));
  });
  const request = { method: 'POST', target: '/', headers: {}, body: Buffer.from('x') };
  let refused = 0;
  for (let number = 0; number < RESPONSES; number += 1) {
    bytes = next();
    const what = `case ${number}: ${JSON.stringify(bytes)}`;
    try {
      const response = await send(port, request, AbortSignal.timeout(60_000));
      response.on('error', () => {});
      const prelude = toPrelude(response.statusCode, response.rawHeaders);
      response.destroy();
      assert.ok(prelude.statusCode >= 200 && prelude.statusCode <= 599, what);
      const values = [...Object.entries(prelude.headers), ...Object.entries(prelude.multiValueHeaders)];
      for (const [name, each] of values) {
        assert.ok(TOKEN.test(name), what);
        for (const value of [each].flat()) assert.ok(VALUE.test(value), what);
        assert.ok(!['connection', 'keep-alive', 'transfer-encoding'].includes(name), what);
      }
      assert.deepEqual(JSON.parse(JSON.stringify(prelude)), prelude);
    } catch (error) {
      // What Node's parser refuses has a code, which proxy.mjs answers with 502 as well.
      if (error.code === 'ERR_ASSERTION' || !(error instanceof UpstreamError || error.code)) {
        throw new Error(what, { cause: error });
      }
      refused += 1;
    }
  }
  assert.ok(refused > RESPONSES / 20 && refused < RESPONSES * 0.9, `${refused} of ${RESPONSES} were refused`);
});
