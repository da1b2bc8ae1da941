// Log lines to stdout and to a dated file, where LibreChat writes them.
import fs from 'node:fs';
import path from 'node:path';

/**
 * LibreChat opens its log file before anything else: `LIBRECHAT_LOG_DIR`, else `logs` in the working
 * directory. On a read-only tree that ends the start, so this is deliberately not caught.
 */
export function createLogger(env) {
  const directory = env.LIBRECHAT_LOG_DIR || path.join(process.cwd(), 'logs');
  fs.mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `debug-${new Date().toISOString().slice(0, 10)}.log`);
  const write = (level, message) => {
    const line = `${new Date().toISOString()} ${level}: ${message}\n`;
    fs.appendFileSync(file, line);
    process.stdout.write(line);
  };
  write('info', 'Starting');
  return {
    info: (message) => write('info', message),
    warn: (message) => write('warn', message),
    error: (message) => write('error', message),
  };
}
