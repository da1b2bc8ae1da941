import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Log } from '../../src/log.mjs';
import { Redactor } from '../../src/redact.mjs';

function redactorOf(secrets) {
  const redactor = new Redactor();
  redactor.add(secrets);
  return redactor;
}

describe('redaction', () => {
  test('puts the name of a secret in place of its value', () => {
    assert.equal(redactorOf({ JWT_SECRET: 's3cr3t-value' }).apply('token s3cr3t-value!'), 'token [JWT_SECRET]!');
  });

  test('knows the forms that a value takes inside JSON and a URL', () => {
    const redactor = redactorOf({ KEY: 'a"b\\c/d e' });
    assert.equal(redactor.apply(JSON.stringify({ key: 'a"b\\c/d e' })), '{"key":"[KEY]"}');
    assert.equal(redactor.apply('?key=a%22b%5Cc%2Fd%20e'), '?key=[KEY]');
  });

  test('knows the password inside a connection string, as written and decoded', () => {
    const redactor = redactorOf({ MONGO_URI: 'mongodb://user:p%40ssw0rd@docdb:27017/librechat' });
    assert.equal(redactor.apply('auth failed for p@ssw0rd'), 'auth failed for [MONGO_URI]');
    assert.equal(redactor.apply('auth failed for p%40ssw0rd'), 'auth failed for [MONGO_URI]');
  });

  test('knows the password of a replica set, whose connection string names several hosts', () => {
    const redactor = redactorOf({ MONGO_URI: 'mongodb://user:p%40ssw0rd@a.db:27017,b.db:27017/chat?replicaSet=rs0' });
    assert.equal(redactor.apply('auth failed for p@ssw0rd'), 'auth failed for [MONGO_URI]');
    assert.equal(redactor.apply('auth failed for p%40ssw0rd'), 'auth failed for [MONGO_URI]');
  });

  test('hides the password of any URL, known or not', () => {
    assert.equal(
      redactorOf({}).apply('cannot reach redis://default:hunter2@cache:6379'),
      'cannot reach redis://default:[password]@cache:6379',
    );
  });

  test('replaces the longer of two secrets first', () => {
    const redactor = redactorOf({ SHORT: 'abcdef', LONG: 'abcdef-and-more' });
    assert.equal(redactor.apply('abcdef-and-more abcdef'), '[LONG] [SHORT]');
  });

  test('leaves text alone that merely holds a very short value', () => {
    assert.equal(redactorOf({ FLAG: 'true' }).apply('a true story'), 'a true story');
  });
});

describe('a log line', () => {
  const linesOf = (redactor) => {
    const lines = [];
    return { lines, log: new Log(redactor, (line) => lines.push(line)) };
  };

  test('is one line of JSON with level, message and request id', () => {
    const { lines, log } = linesOf(redactorOf({}));
    log.requestId = 'abc';
    log.info('app', { line: 'two\nlines' });
    assert.equal(lines.length, 1);
    assert.ok(lines[0].endsWith('}\n') && !lines[0].slice(0, -1).includes('\n'));
    const { level, msg, requestId, line } = JSON.parse(lines[0]);
    assert.deepEqual({ level, msg, requestId, line }, { level: 'info', msg: 'app', requestId: 'abc', line: 'two\nlines' });
  });

  test('is redacted in every field', () => {
    const { lines, log } = linesOf(redactorOf({ KEY: 'quo"ted-secret' }));
    log.error('quo"ted-secret', { nested: { deep: ['quo"ted-secret'] } });
    assert.ok(!lines[0].includes('ted-secret'));
    assert.deepEqual(JSON.parse(lines[0]).nested, { deep: ['[KEY]'] });
  });
});
