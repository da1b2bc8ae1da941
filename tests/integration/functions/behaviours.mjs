// A streaming function whose event says how it behaves. Runs under the real aws-lambda-ric.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// How init behaves depends on the function's variables, and on whether this is the first attempt:
// /tmp of a new sandbox is empty, so attempts are told apart by the time that the parent test gives.
if (process.env.INIT === "throw") throw new Error("init is broken");
if (process.env.INIT === "exit") process.exit(7);
if (process.env.INIT_SLEEP_MS) await sleep(Number(process.env.INIT_SLEEP_MS));

let ticks = 0;
setInterval(() => ticks++, 10).unref();
let invocations = 0;

const PRELUDE = JSON.stringify({ statusCode: 200, headers: { "x-a": "b" }, cookies: ["a=1"] }) + "\0".repeat(8);

const actions = {
  async echo(event, stream) {
    stream.write(JSON.stringify({ event, invocations, ticks, pid: process.pid }));
  },
  async request({ path = "/", method = "POST", headers = {}, body }, stream) {
    const answer = await fetch(process.env.AWS_ENDPOINT_URL + path, { method, headers, body });
    stream.write(JSON.stringify({ status: answer.status, text: await answer.text() }));
  },
  async environment(event, stream) {
    stream.write(JSON.stringify(process.env));
  },
  async stream({ chunks, intervalMs }, stream) {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.write(PRELUDE);
    for (let i = 0; i < chunks; i++) {
      await sleep(intervalMs);
      stream.write(`chunk ${i}\n`);
    }
  },
  async fill({ bytes }, stream) {
    const piece = Buffer.alloc(65536, "x");
    let written = 0;
    for (; written < bytes; written += piece.length) {
      if (!stream.write(piece)) await once(stream, "drain");
      if (written % (1<<20) === 0) console.log(`written ${written + piece.length}`);
    }
  },
  async empty(event, stream) {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.write(PRELUDE);
    stream.write("");
  },
  async failLate(event, stream) {
    stream.write("before the failure");
    await sleep(20);
    throw new TypeError("too late");
  },
  async failEarly() {
    throw new RangeError("at once");
  },
  async exit({ code, signal, first }, stream) {
    if (first) {
      stream.write("first");
      await sleep(50);
    }
    console.log("last words");
    signal ? process.kill(process.pid, signal) : process.exit(code);
    await sleep(10_000);
  },
  async crashLater({ afterMs }, stream) {
    setTimeout(() => process.exit(3), afterMs);
    stream.write("answered");
  },
  async hang(event, stream) {
    stream.write("partial");
    await sleep(60_000);
  },
  async allocate({ megabytes, inChild }, stream) {
    stream.write("start");
    if (inChild) {
      const code = `const a=[];setInterval(()=>a.push(Buffer.alloc(${10 << 20},1)),20)`;
      spawn(process.execPath, ["-e", code]);
      await sleep(30_000);
    }
    const kept = [];
    for (let i = 0; i < megabytes; i += 10) {
      kept.push(Buffer.alloc(10 << 20, 1));
      await sleep(20);
    }
    stream.write(String(kept.length));
  },
  async write({ path, bytes = 1 }, stream) {
    try {
      writeFileSync(path, Buffer.alloc(bytes));
      stream.write("written");
    } catch (error) {
      stream.write(error.code);
    }
  },
  async exists({ path }, stream) {
    stream.write(JSON.stringify(existsSync(path) ? readFileSync(path, "utf8") : null));
  },
  async hash({ body }, stream) {
    stream.write(createHash("sha256").update(body).digest("hex"));
  },
  // Sends one inline command to a Redis and answers with its reply, or with how it failed.
  async redis({ host, port, command, timeoutMs }, stream) {
    const socket = net.connect(port, host);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("timed out")));
    try {
      socket.write(command + "\r\n");
      const [reply] = await once(socket, "data");
      stream.write(reply);
    } catch (error) {
      stream.write(error.code ?? error.message);
    }
    socket.destroy();
  },
  async listen({ port, holdMs }, stream) {
    const server = net.createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    stream.write(`listening on ${port}`);
    await sleep(holdMs);
    server.close();
  },
};

export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  context.callbackWaitsForEmptyEventLoop = false;
  invocations++;
  console.log(`action ${event.action}`);
  await actions[event.action](event, stream);
  stream.end();
});
