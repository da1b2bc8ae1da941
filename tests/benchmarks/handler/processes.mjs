/** What a tree of processes has used, from Linux's /proc. */

import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds on a CPU, of each thread: far finer than the clock ticks in /proc/PID/stat. */
export function cpuMilliseconds(root) {
  let nanoseconds = 0;
  for (const pid of tree(root)) {
    for (const thread of list(`/proc/${pid}/task`)) {
      nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] || 0);
    }
  }
  return nanoseconds / 1e6;
}

/** Proportional set size: pages that processes share, such as Node's own, count once. */
export function memoryMegabytes(root) {
  let kilobytes = 0;
  for (const pid of tree(root)) kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return kilobytes / 1024;
}

function tree(root) {
  const children = new Map();
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    // The name of the program, in parentheses, may hold anything.
    const parent = read(`/proc/${pid}/stat`).split(') ').at(-1).split(' ')[1];
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const below = (pid) => [pid, ...(children.get(pid) ?? []).flatMap(below)];
  return below(String(root));
}

/** Processes and threads end while one looks: they have used nothing any more. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
