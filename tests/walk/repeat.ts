import { Moves } from './moves'
import type { Scenario } from './scenario'

/** Goes one way, move by move, as a broken law told it; stops where the law breaks. */
export async function repeat(scenarios: Scenario[], line: string, say: (text: string) => void): Promise<void> {
  const [name = '', ...labels] = line.split('; ')
  const scenario = scenarios.find((one) => one.name === name)
  if (!scenario)
    throw new Error(`no scenario is named «${name}»; there are ${scenarios.map((one) => one.name).join(', ')}`)
  const moves = new Moves(scenario)
  let state = moves.first
  for (const label of labels) {
    const found = (await moves.from(state)).moves
    const move = found.find((one) => one.label === label)
    if (!move) throw new Error(`«${label}» cannot happen here; what can: ${found.map((one) => one.label).join('; ')}`)
    say(label)
    state = move.to
  }
  const { moves: next } = await moves.from(state)
  await moves.check(state, next.length === 0)
  say(`no law is broken; what can happen next: ${next.map(({ label }) => label).join('; ') || 'nothing'}`)
}
