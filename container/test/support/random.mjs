/** Generated test cases: the same ones at every run, or others with FUZZ_SEED. */

/** What to set FUZZ_SEED to for the same cases again; `random` chooses a new one. */
export const SEED = Number(
  process.env.FUZZ_SEED === 'random' ? Math.floor(Math.random() * 2 ** 31) : process.env.FUZZ_SEED || 20_261_201,
);

/** Numbers from 0 up to 1 (mulberry32). */
export function generator(seed = SEED) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit) => Math.floor(next() * limit);
  const pick = (choices) => choices[below(choices.length)];
  const some = (most, make) => Array.from({ length: below(most + 1) }, make);
  const text = (length, alphabet) => Array.from({ length }, () => pick(alphabet)).join('');
  return { next, below, pick, some, text };
}
