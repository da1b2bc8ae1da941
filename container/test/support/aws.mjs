/** A small server that speaks the two AWS protocols of a cold start: SSM GetParameters and S3 GetObject. */

import { createServer } from 'node:http';

/**
 * @param {object} content
 * @param {Record<string, string>} [content.parameters] ARN or name → value.
 * @param {Record<string, string>} [content.objects] `/bucket/key` → content.
 * @returns {Promise<object>} `endpoint`, `parameters` and `objects` (may be changed), `requests` as received,
 *   `failures`: answers `{ status, headers, body }` that are given, one each, before any real one; `close()`.
 */
export async function startAws({ parameters = {}, objects = {} } = {}) {
  const requests = [];
  const failures = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    requests.push({ method: request.method, url: request.url, headers: request.headers, body });
    const failure = failures.shift();
    if (failure) response.writeHead(failure.status, failure.headers).end(failure.body);
    else if (request.headers['x-amz-target'] === 'AmazonSSM.GetParameters') {
      getParameters(JSON.parse(body), parameters, response);
    } else getObject(decodeURIComponent(request.url), objects, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    parameters,
    objects,
    requests,
    failures,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function getParameters({ Names, WithDecryption }, parameters, response) {
  if (Names.length > 10) {
    response.writeHead(400).end(JSON.stringify({ __type: 'ValidationException', message: 'more than 10 names' }));
    return;
  }
  const found = Names.filter((name) => name in parameters);
  response.end(
    JSON.stringify({
      Parameters: found.map((arn) => ({
        Name: arn.replace(/^.*:parameter/, ''),
        ARN: arn,
        Value: WithDecryption ? parameters[arn] : 'encrypted',
      })),
      InvalidParameters: Names.filter((name) => !(name in parameters)),
    }),
  );
}

function getObject(path, objects, response) {
  if (path in objects) response.end(objects[path]);
  else {
    response
      .writeHead(404)
      .end('<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>');
  }
}
