/** The app as a child process: start, last lines of output, exit. Knows nothing of LibreChat or HTTP. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const LINES_KEPT = 20;
const LINE_LENGTH = 1_000;
/** As much of a line is looked at: what is cut off later may shorten it, and the rest is never shown. */
const LINE_READ = 16 * LINE_LENGTH;
/** How long output may trail behind the exit. */
const OUTPUT_WAIT_MS = 250;

export class Child {
  #process;
  #lines = [];
  #status;
  #nextLine;
  #announceLine = () => {};

  /**
   * @param {object} options
   * @param {string} options.command
   * @param {string[]} options.args
   * @param {string} options.cwd
   * @param {Record<string, string | undefined>} options.env
   * @param {(line: string) => string} options.clean Applied to each line before it is cut to length and
   *   kept: a secret cut in two would no longer be recognized.
   * @param {(line: string) => void} options.onLine Called for each clean line.
   */
  constructor({ command, args, cwd, env, clean, onLine }) {
    this.startedAt = performance.now();
    this.#process = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const text = clean(line.slice(0, LINE_READ)).slice(0, LINE_LENGTH);
        if (this.#lines.push(text) > LINES_KEPT) this.#lines.shift();
        onLine(text);
        this.#nextLine = undefined;
        this.#announceLine();
      });
    }
    /** Resolves, never rejects, with `status` when the process is gone and its output has been read. */
    this.exited = new Promise((resolve) => {
      const finish = (status) => {
        this.#status ??= status;
        resolve(this.#status);
      };
      this.#process.once('error', (error) => finish(`could not be run: ${error.message}`));
      this.#process.once('exit', (code, signal) => {
        this.#status = signal ? `was killed by ${signal}` : `exited with status ${code}`;
        // A grandchild may hold the pipes open: `close` would then never come.
        setTimeout(finish, OUTPUT_WAIT_MS, this.#status);
      });
      this.#process.once('close', () => finish(this.#status));
    });
  }

  get pid() {
    return this.#process.pid;
  }

  get running() {
    return this.#status === undefined;
  }

  /** How it ended, for people: "exited with status 1". Undefined while it runs. */
  get status() {
    return this.#status;
  }

  /** The last lines it printed, clean, oldest first. */
  get lastLines() {
    return [...this.#lines];
  }

  /** Resolves when it prints another line; never, when it prints none. */
  nextLine() {
    this.#nextLine ??= new Promise((resolve) => (this.#announceLine = resolve));
    return this.#nextLine;
  }

  kill(signal = 'SIGKILL') {
    this.#process.kill(signal);
  }
}
