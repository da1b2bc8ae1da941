// The least that a streaming function can do, under the real aws-lambda-ric: what is left is the way to it.
import { setTimeout as sleep } from "node:timers/promises";

const HTTP = "application/vnd.awslambda.http-integration-response";
const prelude = (type) => JSON.stringify({ statusCode: 200, headers: { "content-type": type } }) + "\0".repeat(8);

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType(HTTP);
  if (event.path === "/api/json") {
    stream.write(prelude("application/json") + process.env.JSON_BODY);
  } else {
    const { events, interval } = event.queryStringParameters;
    stream.write(prelude("text/event-stream"));
    const began = performance.now();
    for (let i = 1; i <= Number(events); i++) {
      await sleep(Math.max(0, began + i * Number(interval) - performance.now()));
      stream.write(`data: ${process.hrtime.bigint()}\n\n`);
    }
  }
  stream.end();
});
