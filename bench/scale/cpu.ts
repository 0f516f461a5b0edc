import { cpuOf } from '../speed/usage'

/** Processes by what they are, as `functions` and `nodes`. */
export type Groups = Record<string, number[]>

export interface Spent {
  seconds: number
  /** Microseconds of CPU of all processes of a group together. */
  cpu: Record<string, number>
}

/** How long the work took, and what each group spent on it. */
export async function spending(groups: Groups, work: () => Promise<void>): Promise<Spent> {
  const used = () =>
    Object.entries(groups).map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + cpuOf(pid), 0)] as const)
  const before = Object.fromEntries(used())
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1_000
  return {
    seconds,
    cpu: Object.fromEntries(used().map(([name, now]) => [name, (now - (before[name] as number)) * 1e6])),
  }
}
