// librechat.yaml as LibreChat reads it.
import fs from 'node:fs';
import { load } from 'js-yaml';

/**
 * A missing file means defaults and one log line, an invalid one ends the start: LibreChat's behaviour,
 * which is why a deployment has to assert the file itself.
 *
 * @returns {{source: string, version: string|null}} where the configuration came from
 */
export function loadAppConfig(env, logger) {
  const file = env.CONFIG_PATH;
  let text;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    logger.info(`Config file not readable, using defaults: ${error.message}`);
    return { source: 'defaults', version: null };
  }
  const config = load(text);
  if (typeof config?.version !== 'string') {
    throw new Error(`Invalid custom config file at ${file}: "version" must be a string`);
  }
  logger.info(`Custom config file loaded, version ${config.version}`);
  return { source: file, version: config.version };
}
