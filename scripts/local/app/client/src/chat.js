// The chat page: shows the answer growing, and what a buffered stream would have cost.
import { element } from './dom.js';
import { events } from './sse.js';

export function chatPage({ logo, id }) {
  const page = element(`
    <main class="chat">
      <header>
        <a href="/c/new" data-route><img src="${logo}" alt="" width="28" height="28" /> LibreChat stand-in</a>
        <nav>
          <a href="/about" data-route>About</a>
          <a href="/login" data-route>Log in</a>
        </nav>
      </header>
      <section class="messages" aria-live="polite"></section>
      <form>
        <textarea name="text" rows="1" placeholder="Message the stand-in" required></textarea>
        <button type="submit" aria-label="Send">↑</button>
      </form>
      <footer></footer>
    </main>`);
  const messages = page.querySelector('.messages');
  const footer = page.querySelector('footer');
  const form = page.querySelector('form');

  let conversationId = id === 'new' ? undefined : id;
  if (conversationId) {
    footer.textContent = `Conversation ${conversationId}`;
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = form.text.value;
    form.reset();
    form.querySelector('button').disabled = true;
    append(messages, 'user', text);
    const answer = append(messages, 'assistant', '');
    try {
      conversationId = await stream({ text, conversationId, answer, footer });
    } catch (error) {
      answer.textContent = `The stream failed: ${error.message}`;
      answer.classList.add('failed');
    }
    form.querySelector('button').disabled = false;
  });
  form.text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  fetch('/api/health')
    .then((response) => response.text())
    .then((body) => page.classList.toggle('healthy', body === 'OK'))
    .catch(() => {});
  return page;
}

/** Shows one answer as it arrives; returns the conversation's id, which the server may have chosen. */
async function stream({ text, conversationId: known, answer, footer }) {
  const started = performance.now();
  const response = await fetch('/api/agents/chat', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ text, conversationId: known }),
  });
  if (!response.ok) {
    throw new Error(`status ${response.status}`);
  }
  let conversationId = known;
  let first = 0;
  let count = 0;
  for await (const { event, data } of events(response)) {
    if (event !== 'message') {
      continue; // heartbeats
    }
    const message = JSON.parse(data);
    if (message.created) {
      // The address changes without a new page: the stream goes on in this one.
      conversationId = message.message.conversationId;
      history.replaceState(null, '', `/c/${conversationId}`);
    } else if (message.text) {
      first ||= performance.now() - started;
      count += 1;
      answer.textContent = message.text;
      answer.scrollIntoView({ block: 'end' });
    }
  }
  const total = performance.now() - started;
  footer.textContent = `${count} chunks · first after ${Math.round(first)} ms · last after ${Math.round(total)} ms`;
  return conversationId;
}

function append(messages, role, text) {
  const message = element(`<article class="${role}"></article>`);
  message.textContent = text;
  messages.append(message);
  return message;
}
