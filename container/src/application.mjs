/**
 * LibreChat in this execution environment: brought up at cold start, brought up again when it is gone.
 *
 * Phases of a start: settings, then side by side secrets, config, filesystem and credentials, then the
 * process, then its health. Every start runs all of them, so a corrected secret or config is picked up
 * without a new deployment.
 */

import { join } from 'node:path';
import { Child } from './child.mjs';
import { fetchConfig } from './config.mjs';
import { HIDDEN_FROM_APP, writeCredentials } from './credentials.mjs';
import { ColdStartError } from './errors.mjs';
import { prepareFilesystem } from './filesystem.mjs';
import { pollHealth } from './health.mjs';
import { fetchSecrets } from './secrets.mjs';
import { logDirectory } from './settings.mjs';

/**
 * A slow app may use up one whole poll and become healthy in the next (49 s at 0.29 vCPU were measured).
 * After two it counts as hung and is replaced.
 */
const POLLS_BEFORE_REPLACING = 2;

export class Application {
  #settings;
  #env;
  #aws;
  #log;
  #redactor;
  #child;
  #healthy = false;
  #served = false;
  #failedPolls = 0;
  #pending;
  /** From the start of the process to here: Node, aws-lambda-ric and our modules. A restart has none. */
  #importMs = Math.round(performance.now());

  /**
   * @param {object} parts
   * @param {import('./settings.mjs').Settings} parts.settings
   * @param {Record<string, string | undefined>} parts.env The handler's environment.
   * @param {import('./aws.mjs').Aws} parts.aws
   * @param {import('./log.mjs').Log} parts.log
   * @param {import('./redact.mjs').Redactor} parts.redactor
   */
  constructor({ settings, env, aws, log, redactor }) {
    this.#settings = settings;
    this.#env = env;
    this.#aws = aws;
    this.#log = log;
    this.#redactor = redactor;
    this.port = settings.port;
  }

  /**
   * Resolves when the app is healthy. Starts it when it is not running; callers share one attempt.
   * @throws {ColdStartError} with the phase and the reason; the next call tries again.
   */
  async ready() {
    if (this.#healthy && this.#child?.running) return;
    this.#pending ??= this.#bringUp().finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
  }

  /** Whether this process of the app has been healthy: from then on its output may be about its users. */
  get served() {
    return this.#served;
  }

  /** What the app said last, for an error; empty before it was started. */
  get lastLines() {
    return this.#child?.lastLines ?? [];
  }

  /** A request found nobody listening: the next `ready()` looks closer instead of trusting the last poll. */
  suspect() {
    this.#healthy = false;
  }

  /** How the app ended and what it said last, for an error; waits a moment for an exit under way. */
  async postMortem(waitMs = 250) {
    const child = this.#child;
    await Promise.race([child.exited, new Promise((resolve) => setTimeout(resolve, waitMs).unref())]);
    return child.running ? { output: [] } : { status: child.status, output: child.lastLines };
  }

  /** Ends the app with this process. */
  stop() {
    this.#child?.kill();
  }

  async #bringUp() {
    if (this.#child?.running) {
      try {
        await this.#awaitHealth(this.#child);
        return;
      } catch (error) {
        // It had served requests and turns out to be dead: that is a restart, not a failed start.
        if (!this.#served || this.#child.running) throw error;
      }
    }
    await this.#start();
  }

  async #start() {
    const began = performance.now();
    const timings = { import: this.#importMs };
    if (this.#settings.problems.length > 0) {
      throw new ColdStartError('settings', this.#settings.problems.join('; '));
    }
    const { config, tmp } = this.#settings;
    const credentialsFile = join(tmp, '.aws', 'credentials');
    const timed = async (phase, work) => {
      const result = await work;
      timings[phase] = Math.round(performance.now() - began);
      return result;
    };
    const [secrets] = await Promise.all([
      timed('secrets', fetchSecrets(this.#aws, this.#settings.ssmParameters)),
      timed('config', fetchConfig(this.#aws, config)),
      timed('filesystem', prepareFilesystem(this.#settings)),
      writeCredentials(this.#env, credentialsFile),
    ]);
    this.#redactor.add(secrets);

    this.#failedPolls = 0;
    this.#served = false;
    this.#child = this.#spawn(secrets, credentialsFile);
    const health = await this.#awaitHealth(this.#child);
    // boot: from the start of the process to its first HTTP answer; poll: from there to the first OK.
    timings.boot = Math.round(health.answeredAt - this.#child.startedAt);
    timings.poll = Math.round(performance.now() - health.answeredAt);
    this.#log.info('cold_start', {
      ms: Math.round(performance.now() - began),
      phases: timings,
      attempts: health.attempts,
      pid: this.#child.pid,
    });
    this.#importMs = 0;
  }

  #spawn(secrets, credentialsFile) {
    const { home, config } = this.#settings;
    const child = new Child({
      command: process.execPath,
      args: ['server/index.js'],
      cwd: join(home, 'api'),
      env: appEnvironment(this.#env, {
        ...secrets,
        AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
        CONFIG_PATH: config.path,
        LIBRECHAT_LOG_DIR: logDirectory(this.#settings),
        PORT: String(this.port),
      }),
      clean: (line) => this.#redactor.apply(line),
      onLine: (line) => this.#log.info('app', { line }),
    });
    child.exited.then((status) => {
      const reason = `LibreChat ${status}`;
      this.#log.error('app_exit', { reason, pid: child.pid, output: child.lastLines });
    });
    return child;
  }

  async #awaitHealth(child) {
    const health = await pollHealth({
      port: this.port,
      running: () => child.running,
      exited: child.exited,
      said: () => child.nextLine(),
    });
    if (health.healthy && child.running) {
      this.#healthy = true;
      this.#served = true;
      this.#failedPolls = 0;
      return health;
    }
    this.#healthy = false;
    this.#failedPolls += 1;
    const reason = child.running
      ? `not healthy after ${health.attempts} attempts: ${health.reason}`
      : `LibreChat ${child.status} while starting`;
    if (child.running && this.#failedPolls >= POLLS_BEFORE_REPLACING) {
      child.kill();
      await child.exited;
    }
    throw new ColdStartError('app', this.#redactor.apply(reason), { output: child.lastLines });
  }
}

/**
 * The app's environment: the function's own variables, without its credentials, plus what Lambda dictates.
 *
 * AWS_LAMBDA_RUNTIME_API stays: MongoDB's driver takes it as the sign of a function that gets frozen, and
 * polls its servers instead of holding monitoring connections that break at every thaw.
 */
export function appEnvironment(env, own) {
  const inherited = Object.entries(env).filter(([name]) => !HIDDEN_FROM_APP.includes(name));
  return {
    ...Object.fromEntries(inherited),
    // The image's CMD leaves NODE_ENV unset; LibreChat then runs in development mode.
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    // One hop: this handler, which puts exactly one address into X-Forwarded-For.
    TRUST_PROXY: '1',
    ...own,
    // LibreChat's default is right: the assets come from the same domain.
    ASSETS_URL: undefined,
  };
}
