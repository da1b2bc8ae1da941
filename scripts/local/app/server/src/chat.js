// Chat: an SSE stream with LibreChat's headers and events, and the work LibreChat does after its end.
import crypto from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';

const ANSWER =
  'This answer comes from the stand-in, one word at a time, so that a stream which somebody holds back can be seen.';
// LibreChat saves the message and asks for a title once the stream has ended. A Lambda environment that
// freezes at once loses that work.
const WORK_AFTER_END_MS = 500;

export function chatRoutes({ store, logger }) {
  const router = express.Router();
  const running = new Map();

  router.post('/agents/chat/abort', (request, response) => {
    const id = request.body?.conversationId ?? request.body?.abortKey;
    const stream = running.get(id);
    stream?.abort('abort requested');
    response.status(stream ? 200 : 404).json({ conversationId: id, aborted: Boolean(stream) });
  });

  router.post(['/agents/chat', '/agents/chat/:endpoint'], async (request, response) => {
    const { text = '', tokens = 20, interval_ms: interval = 100 } = request.body ?? {};
    const conversationId = request.body?.conversationId ?? crypto.randomUUID();
    const chats = await store.increment('chats');
    const stream = new AbortController();
    running.set(conversationId, stream);
    response.on('close', () => stream.abort('client closed the connection'));

    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      Connection: 'keep-alive',
      'X-Accel-Buffering': 'no',
    });
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
      running.delete(conversationId);
      response.end();
    }
    await sleep(WORK_AFTER_END_MS);
    await store.set(`title:${conversationId}`, `Chat about ${text.slice(0, 40) || 'nothing'}`);
  });

  router.get('/convos/gen_title/:id', async (request, response) => {
    const title = await store.get(`title:${request.params.id}`);
    if (!title) {
      return response.status(404).json({ message: 'Title not found or method not implemented' });
    }
    return response.json({ title });
  });

  router.get('/convos/:id', async (request, response) => {
    const state = await store.get(`state:${request.params.id}`);
    return response.status(state ? 200 : 404).json({ conversationId: request.params.id, state });
  });
  return router;
}
