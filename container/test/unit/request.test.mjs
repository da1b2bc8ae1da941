import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../src/errors.mjs';
import { toRequest, viewerAddress } from '../../src/request.mjs';

const settings = { publicHost: 'lambda-test.sandbox.data.apro.is' };
const event = (overrides = {}) => ({ httpMethod: 'GET', path: '/api/config', ...overrides });
const requestOf = (overrides) => toRequest(event(overrides), settings);

describe('the path', () => {
  test('goes on byte for byte: a REST API delivers it percent-encoded', () => {
    assert.equal(requestOf({ path: '/api/files/a%20b%2Fc+d%C3%A9' }).target, '/api/files/a%20b%2Fc+d%C3%A9');
  });

  test('is encoded only where it could not stand in a request line', () => {
    assert.equal(requestOf({ path: '/api/a b?c#d/50%/é' }).target, '/api/a%20b%3Fc%23d/50%25/%C3%A9');
  });

  test('/api/health becomes /health, which is where LibreChat answers OK', () => {
    assert.equal(requestOf({ path: '/api/health' }).target, '/health');
    assert.equal(requestOf({ path: '/api/healthy' }).target, '/api/healthy');
  });

  test('never holds the stage', () => {
    const requestContext = { path: '/default/api/config', stage: 'default' };
    assert.equal(requestOf({ requestContext }).target, '/api/config');
  });
});

describe('the query', () => {
  test('keeps repeated keys in order and encodes the decoded values again', () => {
    const multiValueQueryStringParameters = { tag: ['a b', 'c&d'], 'q[]': ['1+1=2'] };
    assert.equal(
      requestOf({ multiValueQueryStringParameters }).target,
      '/api/config?tag=a%20b&tag=c%26d&q%5B%5D=1%2B1%3D2',
    );
  });

  test('survives a value that is not well-formed Unicode', () => {
    assert.equal(requestOf({ multiValueQueryStringParameters: { q: ['\ud800'] } }).target, '/api/config?q=%EF%BF%BD');
  });

  test('is read from the single values when there are no others', () => {
    assert.equal(requestOf({ queryStringParameters: { code: 'x/y' } }).target, '/api/config?code=x%2Fy');
  });
});

describe('headers', () => {
  const headersOf = (multiValueHeaders) => requestOf({ multiValueHeaders }).headers;

  test('repeat when the viewer repeated them', () => {
    assert.deepEqual(headersOf({ Accept: ['text/html', 'application/json'] }).accept, [
      'text/html',
      'application/json',
    ]);
  });

  test('of cookies are joined into one', () => {
    assert.equal(headersOf({ Cookie: ['a=1', 'b=2'] }).cookie, 'a=1; b=2');
  });

  test('of one connection stay on that connection', () => {
    const headers = headersOf({
      Connection: ['keep-alive, X-Hop'],
      'X-Hop': ['1'],
      'Keep-Alive': ['timeout=5'],
      'Transfer-Encoding': ['chunked'],
      Upgrade: ['websocket'],
      TE: ['trailers'],
      Expect: ['100-continue'],
    });
    const names = ['connection', 'x-hop', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'expect'];
    for (const name of names) assert.equal(headers[name], undefined, name);
  });

  test('name the public host over https, whatever API Gateway was called', () => {
    const headers = headersOf({ Host: ['abc.execute-api.eu-west-1.amazonaws.com'], 'X-Forwarded-Proto': ['http'] });
    assert.equal(headers.host, settings.publicHost);
    assert.equal(headers['x-forwarded-host'], settings.publicHost);
    assert.equal(headers['x-forwarded-proto'], 'https');
  });

  test('cannot be forged: every X-Forwarded-… of the viewer is dropped', () => {
    const headers = headersOf({ 'X-Forwarded-Prefix': ['/evil'], Forwarded: ['for=1.1.1.1'], 'X-Real-IP': ['1.1.1.1'] });
    assert.equal(headers['x-forwarded-prefix'], undefined);
    assert.equal(headers.forwarded, undefined);
    assert.equal(headers['x-real-ip'], undefined);
  });
});

describe("the viewer's address", () => {
  test('is the one that CloudFront saw, before the edge that API Gateway saw', () => {
    assert.equal(viewerAddress('203.0.113.9, 130.176.1.1', '130.176.1.1'), '203.0.113.9');
  });

  test('is not what the viewer claims', () => {
    assert.equal(viewerAddress('10.0.0.1, 1.2.3.4, 203.0.113.9, 130.176.1.1', '130.176.1.1'), '203.0.113.9');
  });

  test('is the only address there is when CloudFront was not in between', () => {
    assert.equal(viewerAddress('198.51.100.7', '198.51.100.7'), '198.51.100.7');
    assert.equal(viewerAddress('', '198.51.100.7'), '198.51.100.7');
  });

  for (const claim of ['A'.repeat(8_000), '1.2.3', '203.0.113.9:443', 'fe80::1%eth0', `fe80::1%${'A'.repeat(8_000)}`]) {
    test(`is what API Gateway saw where no address stands: ${claim.slice(0, 20)}`, () => {
      assert.equal(viewerAddress(`${claim}, 130.176.1.1`, '198.51.100.7'), '198.51.100.7');
      assert.equal(viewerAddress(claim, '2001:db8::1'), '2001:db8::1');
      assert.equal(viewerAddress(claim, claim), '127.0.0.1');
    });
  }

  test('is never one that stands further to the left, which is a claim of the viewer', () => {
    assert.equal(viewerAddress('1.2.3.4, nonsense, 130.176.1.1', '130.176.1.1'), '130.176.1.1');
  });

  test('reaches the app as exactly one hop', () => {
    const multiValueHeaders = { 'x-forwarded-for': ['1.2.3.4', '203.0.113.9, 130.176.1.1'] };
    assert.equal(requestOf({ multiValueHeaders }).headers['x-forwarded-for'], '203.0.113.9');
  });
});

describe('the body', () => {
  test('is decoded from base64', () => {
    const bytes = Buffer.from([0, 255, 128, 10]);
    const { body, headers } = requestOf({ httpMethod: 'POST', body: bytes.toString('base64'), isBase64Encoded: true });
    assert.deepEqual(body, bytes);
    assert.equal(headers['content-length'], '4');
  });

  test('has its length in bytes, whatever length was sent', () => {
    const { headers } = requestOf({ httpMethod: 'POST', body: 'é', multiValueHeaders: { 'Content-Length': ['999'] } });
    assert.equal(headers['content-length'], '2');
  });

  test('of an empty POST is announced as empty', () => {
    assert.equal(requestOf({ httpMethod: 'POST', body: null }).headers['content-length'], '0');
    assert.equal(requestOf({ httpMethod: 'GET', body: null }).headers['content-length'], undefined);
  });
});

test('anything but a REST proxy event is refused', () => {
  for (const other of [null, {}, { source: 'aws.events' }, { version: '2.0', rawPath: '/' }]) {
    assert.throws(() => toRequest(other, settings), RequestError);
  }
});

describe('an event with nulls in it', () => {
  const absent = requestOf({}).headers;
  for (const nulls of [
    { headers: null },
    { multiValueHeaders: null, headers: null },
    { multiValueHeaders: { a: null } },
    { multiValueHeaders: { a: [null] } },
    { multiValueHeaders: { a: [] } },
    { headers: { a: null } },
    { headers: { a: 5 } },
    { multiValueHeaders: 'text' },
    { requestContext: null },
    { requestContext: { identity: null } },
    { requestContext: { identity: { sourceIp: null } } },
    { queryStringParameters: null, multiValueQueryStringParameters: null },
    { multiValueQueryStringParameters: { a: null } },
    { multiValueQueryStringParameters: { a: [null] } },
    { queryStringParameters: { a: null } },
    { body: null, isBase64Encoded: null },
  ]) {
    test(`is one without them: ${JSON.stringify(nulls)}`, () => {
      const { target, headers, body } = requestOf(nulls);
      assert.deepEqual([target, headers, body], ['/api/config', absent, undefined]);
    });
  }

  for (const nulls of [{ path: null }, { httpMethod: null }, { httpMethod: 'CONNECT' }]) {
    test(`is refused without what a request needs: ${JSON.stringify(nulls)}`, () => {
      assert.throws(() => requestOf(nulls), RequestError);
    });
  }
});
