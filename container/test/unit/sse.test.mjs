import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventBoundary, formatEvent, Heartbeat, isEventStream } from '../../src/sse.mjs';

/** Whether the stream stands between events, after each way of cutting `text` in two. */
function everyCut(text) {
  return Array.from({ length: text.length + 1 }, (_, cut) => {
    const boundary = new EventBoundary();
    boundary.push(Buffer.from(text.slice(0, cut)));
    boundary.push(Buffer.from(text.slice(cut)));
    return boundary.between;
  });
}

describe('an event boundary', () => {
  test('is where nothing was sent yet', () => {
    assert.equal(new EventBoundary().between, true);
  });

  for (const text of ['data: x\n\n', 'data: x\r\n\r\n', 'data: x\r\r', 'data: x\n\r\n', ': comment\n\n']) {
    test(`is after ${JSON.stringify(text)}, however it is cut`, () => {
      assert.ok(everyCut(text).every((between) => between === true));
    });
  }

  for (const text of ['data: x', 'data: x\n', 'data: x\r\n', 'data: x\r\n\r', 'data: x\n\ndata: y', '\n']) {
    test(`is not after ${JSON.stringify(text)}, however it is cut`, () => {
      assert.ok(everyCut(text).every((between) => between === false));
    });
  }

  test('is found when bytes come one by one', () => {
    const boundary = new EventBoundary();
    const seen = [...'data: é\n\ndata: y\n\n'].map((character) => {
      for (const byte of Buffer.from(character)) boundary.push(Buffer.from([byte]));
      return boundary.between;
    });
    assert.deepEqual(
      seen.flatMap((between, index) => (between ? [index] : [])),
      [8, 17],
    );
  });
});

describe('the heartbeat', () => {
  /** A running heartbeat whose pings can be awaited. */
  function start(intervalMs, allowed = () => true) {
    const sent = new EventEmitter();
    const heartbeat = new Heartbeat({ intervalMs, allowed, send: (ping) => sent.emit('ping', ping) });
    return { heartbeat, next: async () => (await once(sent, 'ping'))[0] };
  }

  test('is a named event, never a comment: a comment breaks the client of LibreChat', async () => {
    const { heartbeat, next } = start(10);
    assert.deepEqual([await next(), await next()], Array(2).fill('event: ping\ndata: 1\n\n'));
    heartbeat.stop();
  });

  test('waits while it is not allowed, and comes as soon as it is', async () => {
    let asked = 0;
    const { heartbeat, next } = start(10, () => (asked += 1) > 3);
    await next();
    heartbeat.stop();
    assert.equal(asked, 4);
  });

  test('is put off by every chunk', (t) => {
    const timer = { ms: 0, putOff: 0, refresh: () => (timer.putOff += 1) };
    t.mock.method(globalThis, 'setTimeout', (_, ms) => Object.assign(timer, { ms }));
    const heartbeat = new Heartbeat({ intervalMs: 400, allowed: () => true, send: () => {} });
    for (let i = 0; i < 10; i += 1) heartbeat.touch();
    assert.deepEqual([timer.ms, timer.putOff], [400, 10]);
  });

  test('is off with an interval of 0', async () => {
    const heartbeat = new Heartbeat({ intervalMs: 0, allowed: () => true, send: () => assert.fail('sent') });
    heartbeat.touch();
    await sleep(20);
    heartbeat.stop();
  });
});

test('an event stream is known by its content type alone', () => {
  assert.ok(isEventStream('text/event-stream'));
  assert.ok(isEventStream('Text/Event-Stream; charset=utf-8'));
  assert.ok(!isEventStream('text/event-streams'));
  assert.ok(!isEventStream('application/json'));
  assert.ok(!isEventStream(undefined));
});

test('data is one line of JSON, so that nothing in it can end the event', () => {
  assert.equal(formatEvent('error', { text: 'a\n\nb' }), 'event: error\ndata: {"text":"a\\n\\nb"}\n\n');
  assert.equal(formatEvent('chunk', { i: 1 }, 1), 'event: chunk\nid: 1\ndata: {"i":1}\n\n');
});
