/** What the functions under measurement share. */

/**
 * Every function returns to the runtime as soon as its answer is out, like ours: without this the runtime
 * waits for an empty event loop, which is not what is compared here.
 */
export const streaming = (handle) =>
  globalThis.awslambda.streamifyResponse((event, stream, context) => {
    context.callbackWaitsForEmptyEventLoop = false;
    return handle(event, stream, context);
  });

export const buffered = (handle) => (event, context) => {
  context.callbackWaitsForEmptyEventLoop = false;
  return handle(event, context);
};

export const respond = (stream, prelude) => globalThis.awslambda.HttpResponseStream.from(stream, prelude);
