// A logged-in user's conversations: the routes, bodies and events of LibreChat v0.8.2-rc1 that a client needs
// for one question and its answer, and its refusals. Without a login chat.js answers instead.
import crypto from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { requireUser } from './auth.js';
import { ANSWER, EVENT_STREAM } from './chat.js';

// What each endpoint is, as `/api/endpoints` says it, and how its models misbehave.
const ENDPOINTS = {
  Rehearsal: {
    shown: { order: 0, type: 'custom', userProvide: false },
    models: {
      parrot: {},
      'parrot-at-once': { intervalMs: 0 },
      'parrot-untitled': { untitled: true },
      'parrot-unsaved': { unsaved: true },
      'parrot-without-key': { error: '401 Incorrect API key provided' },
    },
  },
  'Own key': { shown: { order: 1, type: 'custom', userProvide: true }, models: { parrot: {} } },
};
const NO_PARENT = '00000000-0000-0000-0000-000000000000';
const INTERVAL_MS = 60;
// LibreChat makes the title once the stream has ended. A Lambda environment that freezes at once loses it.
const WORK_AFTER_END_MS = 500;
// LibreChat waits this long for a title, then says that there is none.
const TITLE_WAIT_MS = 20_000;
const BROWSER = /\b(chrome|firefox|safari|edg)\/\d/i;

export function conversationRoutes({ store }) {
  const router = express.Router();
  const read = async (key, otherwise) => JSON.parse((await store.get(key)) ?? otherwise);
  const own = async (request, id) => {
    const conversation = await read(`conversation:${id}`, 'null');
    return conversation?.user === request.user ? conversation : null;
  };

  // Who sends no token is none of this router's business.
  router.use((request, _response, next) => next(request.headers.authorization ? undefined : 'router'));
  router.use(['/agents', '/convos', '/messages', '/models', '/endpoints'], requireUser({ store }));

  router.get('/endpoints', (_request, response) => {
    // LibreChat's own endpoints are null when they have no key.
    response.json({ openAI: null, ...mapped(ENDPOINTS, ({ shown }) => shown) });
  });
  router.get('/models', (_request, response) => {
    response.json(mapped(ENDPOINTS, ({ models }) => Object.keys(models)));
  });

  router.post(['/agents/chat', '/agents/chat/:endpoint'], async (request, response) => {
    const { text, endpoint, model, parentMessageId } = request.body ?? {};
    // Refused before the headers of a stream are set, so without a content type.
    if (!BROWSER.test(request.headers['user-agent'])) {
      return refuse(response, { message: 'Illegal request' });
    }
    if (request.body?.endpointType !== 'custom') {
      return refuse(response, { text: 'Error parsing conversation' });
    }
    response.writeHead(200, EVENT_STREAM);
    const behaviour = ENDPOINTS[endpoint]?.models[model];
    const refusal = refusalOf(endpoint, model);
    if (refusal) {
      return refuse(response, { error: true, final: true, text: JSON.stringify(refusal), model });
    }
    const question = {
      messageId: crypto.randomUUID(),
      parentMessageId,
      conversationId: request.body.conversationId ?? crypto.randomUUID(),
      sender: 'User',
      text,
      isCreatedByUser: true,
    };
    const { conversationId } = question;
    const send = (data) => response.write(`event: message\ndata: ${JSON.stringify(data)}\n\n`);
    send({ message: question, created: true });

    const content = await answer(behaviour, send);
    const reply = {
      messageId: crypto.randomUUID(),
      parentMessageId: question.messageId,
      conversationId,
      sender: model,
      text: '',
      content,
      isCreatedByUser: false,
      endpoint,
      model,
    };
    const now = new Date().toISOString();
    const title = 'New Chat';
    const conversation = { conversationId, user: request.user, endpoint, model, title, createdAt: now };
    if (!behaviour.unsaved) {
      await save(conversation, [question, reply]);
    }
    send({ final: true, conversation, title, requestMessage: question, responseMessage: reply });
    response.end();

    if (parentMessageId === NO_PARENT && !request.body.conversationId) {
      await sleep(WORK_AFTER_END_MS);
      // Empty: there will be none.
      const made = behaviour.untitled || behaviour.error ? '' : `Chat about ${text.slice(0, 40)}`;
      await store.set(`title:${conversationId}`, made);
      if (made && !behaviour.unsaved) {
        await store.set(`conversation:${conversationId}`, JSON.stringify({ ...conversation, title: made }));
      }
    }
  });

  router.post('/convos/gen_title', async (request, response) => {
    const key = `title:${request.body?.conversationId}`;
    const deadline = Date.now() + TITLE_WAIT_MS;
    let title = await store.get(key);
    while (title === null && Date.now() < deadline) {
      await sleep(100);
      title = await store.get(key);
    }
    if (!title) {
      const message = "Title not found or method not implemented for the conversation's endpoint";
      return response.status(404).json({ message });
    }
    return response.json({ title });
  });

  router.get('/convos', async (request, response) => {
    const ids = await read(`conversations:${request.user}`, '[]');
    const found = await Promise.all(ids.map((id) => own(request, id)));
    response.json({ conversations: found.filter(Boolean).reverse(), nextCursor: null });
  });
  router.get('/convos/:id', async (request, response) => {
    const conversation = await own(request, request.params.id);
    return conversation ? response.json(conversation) : response.status(404).end();
  });
  router.delete('/convos', async (request, response) => {
    const id = request.body?.arg?.conversationId;
    if (!id) {
      return response.status(400).json({ error: 'no parameters provided' });
    }
    if (!(await own(request, id))) {
      return response.status(500).send('Error clearing conversations');
    }
    await store.delete(`conversation:${id}`, `messages:${id}`, `title:${id}`);
    const ids = await read(`conversations:${request.user}`, '[]');
    await store.set(`conversations:${request.user}`, JSON.stringify(ids.filter((other) => other !== id)));
    return response.status(201).json({ acknowledged: true, deletedCount: 1, messages: { deletedCount: 2 } });
  });
  router.get('/messages/:id', async (request, response) => {
    if (!(await own(request, request.params.id))) {
      return response.status(404).json({ error: 'Conversation not found' });
    }
    return response.json(await read(`messages:${request.params.id}`, '[]'));
  });
  return router;

  async function save(conversation, messages) {
    const { conversationId: id, user } = conversation;
    await store.set(`conversation:${id}`, JSON.stringify(conversation));
    await store.set(`messages:${id}`, JSON.stringify(messages));
    const ids = await read(`conversations:${user}`, '[]');
    await store.set(`conversations:${user}`, JSON.stringify([...ids.filter((other) => other !== id), id]));
  }
}

/** Streams an answer word by word; returns the content of its message. */
async function answer({ intervalMs = INTERVAL_MS, error }, send) {
  // To ask a model takes a moment, also one that then answers at once.
  await sleep(INTERVAL_MS);
  if (error) {
    // LibreChat tells the provider's words in the message, not as an error of the stream.
    return [{ type: 'error', error: `An error occurred while processing the request: ${error}` }];
  }
  const id = `step_${crypto.randomUUID()}`;
  const stepDetails = { type: 'message_creation', message_creation: { message_id: `msg_${id}` } };
  send({ event: 'on_run_step', data: { id, index: 0, type: 'message_creation', stepDetails } });
  let whole = '';
  for (const word of ANSWER.split(' ')) {
    const text = (whole && ' ') + word;
    whole += text;
    send({ event: 'on_message_delta', data: { id, delta: { content: [{ type: 'text', text }] } } });
    await (intervalMs && sleep(intervalMs));
  }
  return [{ type: 'text', text: whole }];
}

/** Why LibreChat does not ask this model, as a type and what it is about; undefined when it does. */
function refusalOf(endpoint, model) {
  const { shown, models } = ENDPOINTS[endpoint] ?? {};
  if (!models) {
    return { type: 'endpoint_models_not_loaded', info: endpoint };
  }
  if (!models[model]) {
    return { type: 'illegal_model_request', info: `${endpoint}|${model}` };
  }
  return shown.userProvide ? { type: 'no_user_key' } : undefined;
}

function refuse(response, reason) {
  response.write(`event: error\ndata: ${JSON.stringify(reason)}\n\n`);
  response.end();
}

function mapped(object, make) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, make(value)]));
}
