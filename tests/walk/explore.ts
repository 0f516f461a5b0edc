import { Broken } from './laws'
import { Moves, type State } from './moves'
import type { Scenario } from './scenario'

export interface Walked {
  scenario: string
  states: number
  /** From one state to another one. */
  transitions: number
  /** Tried, and found to change nothing: repeats for the most part. */
  idle: number
  /** Ways through from the first state to one where nothing more can happen. */
  interleavings: bigint
  /** Moves of the longest way. */
  depth: number
}

/**
 * Goes through every order of what can happen, each state once: breadth first, so that the way to a broken law is a
 * shortest one.
 */
export async function walk(scenario: Scenario): Promise<Walked> {
  const moves = new Moves(scenario)
  const numbers = new Map([[Moves.key(moves.first), 0]])
  const states: (State | undefined)[] = [moves.first]
  const cameFrom: { state: number; label: string }[] = [{ state: -1, label: '' }]
  const next: number[][] = []
  let idle = 0

  for (let number = 0; number < states.length; number++) {
    const state = states[number] as State
    // What was gone through is needed no more.
    states[number] = undefined
    const found = await moves.from(state).catch((error) => fail(error, number))
    await moves.check(state, found.moves.length === 0).catch((error) => fail(error, number))
    idle += found.idle
    const reached = new Set<number>()
    for (const { label, to } of found.moves) {
      const key = Moves.key(to)
      let there = numbers.get(key)
      if (there === undefined) {
        there = states.push(to) - 1
        numbers.set(key, there)
        cameFrom.push({ state: number, label })
      }
      reached.add(there)
    }
    next.push([...reached])
  }
  return { scenario: scenario.name, states: next.length, transitions: sum(next), idle, ...waysThrough(next) }

  function fail(error: unknown, at: number): never {
    const path = moves.looking ? [moves.looking] : []
    for (let step = at; step > 0; step = cameFrom[step]?.state ?? -1) path.unshift(cameFrom[step]?.label ?? '')
    const words = error instanceof Broken ? error.message : String((error as Error).stack)
    throw new Error(`${words}\nnpm run walk -- --repeat '${[scenario.name, ...path].join('; ')}'`)
  }
}

const sum = (next: number[][]): number => next.reduce((total, { length }) => total + length, 0)

/** Counts the paths of a graph without a circle, in an order in which each state comes after all that lead to it. */
export function waysThrough(next: number[][]): { interleavings: bigint; depth: number } {
  const leads = new Int32Array(next.length)
  for (const there of next) for (const number of there) leads[number] = (leads[number] ?? 0) + 1
  const ways: bigint[] = next.map((_, number) => (number === 0 ? 1n : 0n))
  const depths = new Int32Array(next.length)
  const order = [0]
  let interleavings = 0n
  for (const number of order) {
    const there = next[number] as number[]
    if (there.length === 0) interleavings += ways[number] as bigint
    for (const one of there) {
      ways[one] = (ways[one] as bigint) + (ways[number] as bigint)
      depths[one] = Math.max(depths[one] as number, (depths[number] as number) + 1)
      leads[one] = (leads[one] as number) - 1
      if (leads[one] === 0) order.push(one)
    }
  }
  if (order.length !== next.length) throw new Error('some states lead back to themselves, so not everything ends')
  return { interleavings, depth: depths.reduce((most, depth) => Math.max(most, depth), 0) }
}
