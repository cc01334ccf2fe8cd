/** A repeatable stream of numbers in [0, 1). The seed comes from OMENDB_SEED, or from the clock, and `salt`. */
export function seededRandom(salt: number): { random: () => number; seed: number } {
  const seed = Number(process.env['OMENDB_SEED'] ?? Date.now() % 1_000_000_000) + salt
  return { random: randomOf(seed), seed }
}

/** The stream of a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
