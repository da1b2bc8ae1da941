// Chat without a login, for the page and for tests of the path: an SSE stream with LibreChat's headers, whose
// length and pace the request chooses. A user's own conversations are in conversations.js.
import crypto from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';

export const ANSWER =
  'This answer comes from the stand-in, one word at a time, so that a stream which somebody holds back can be seen.';
export const EVENT_STREAM = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  Connection: 'keep-alive',
  'X-Accel-Buffering': 'no',
};

export function chatRoutes({ store, logger }) {
  const router = express.Router();

  router.post(['/agents/chat', '/agents/chat/:endpoint'], async (request, response) => {
    const { text = '', tokens = 20, interval_ms: interval = 100 } = request.body ?? {};
    const conversationId = request.body?.conversationId ?? crypto.randomUUID();
    const chats = await store.increment('chats');
    const stream = new AbortController();
    response.on('close', () => stream.abort('client closed the connection'));

    response.writeHead(200, EVENT_STREAM);
    const send = (data) => response.write(`event: message\ndata: ${JSON.stringify(data)}\n\n`);
    send({ created: true, message: { conversationId, text }, chats });

    const words = ANSWER.split(' ');
    let answer = '';
    try {
      for (let i = 0; i < Math.min(tokens, 1_000); i += 1) {
        await sleep(Math.min(interval, 10_000), undefined, { signal: stream.signal });
        answer += (i ? ' ' : '') + words[i % words.length];
        send({ message: true, initial: i === 0, conversationId, text: answer });
      }
      send({ final: true, conversation: { conversationId }, responseMessage: { text: answer } });
      await store.set(`state:${conversationId}`, 'finished');
    } catch (error) {
      if (error.name !== 'AbortError') {
        throw error;
      }
      logger.info(`Chat ${conversationId} aborted: ${stream.signal.reason}`);
      await store.set(`state:${conversationId}`, 'aborted');
    } finally {
      response.end();
    }
  });

  router.get('/convos/:id', async (request, response) => {
    const state = await store.get(`state:${request.params.id}`);
    return response.status(state ? 200 : 404).json({ conversationId: request.params.id, state });
  });
  return router;
}
