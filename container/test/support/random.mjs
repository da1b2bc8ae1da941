/** Random numbers that can be had again: a fixed seed, or the one that an environment variable gives. */

/** @param {string} variable Its number is the seed; CI leaves it alone. */
export function randomOf(variable) {
  let state = Number(process.env[variable] ?? 20_261_201) >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit) => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)] };
}
