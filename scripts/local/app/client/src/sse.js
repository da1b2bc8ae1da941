// Server-sent events of a POST response, as they arrive.

/**
 * Yields `{event, data}` for each complete event. Comments and unknown fields are ignored, as the
 * standard says (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    buffer += value;
    const blocks = buffer.split(/\r?\n\r?\n/);
    buffer = blocks.pop();
    for (const block of blocks) {
      const event = { event: 'message', data: '' };
      for (const line of block.split(/\r?\n/)) {
        const [, field, text] = /^(event|data): ?(.*)$/.exec(line) ?? [];
        if (field === 'event') {
          event.event = text;
        } else if (field === 'data') {
          event.data += (event.data && '\n') + text;
        }
      }
      if (event.data) {
        yield event;
      }
    }
  }
}
