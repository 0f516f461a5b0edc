export interface Random {
  /** Makes the same choices again: SEED=… node testing/run.mjs … */
  seed: number
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number
  one<T>(choices: readonly T[]): T
  chance(share: number): boolean
}

/** Choices that follow from a seed alone (mulberry32): `SEED` in the environment, or one that differs at every run. */
export function random(seed = Number(process.env.SEED ?? Date.now() % 2 ** 32)): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return {
    seed,
    whole,
    one: <T>(choices: readonly T[]) => choices[whole(0, choices.length - 1)] as T,
    chance: (share) => next() < share,
  }
}

/** Runs a walk of random choices; whatever it throws names the seed that finds it again. */
export function seeded(walk: (random: Random) => void): void {
  const choices = random()
  try {
    walk(choices)
  } catch (error) {
    throw new Error(`with SEED=${choices.seed}: ${(error as Error).message}`, { cause: error })
  }
}
