import { setTimeout as sleep } from 'node:timers/promises'
import { longestTimerMs, type Policy } from '../manifest'

// What is away is asked for, not hammered; a longer pause would only outlast the outage.
const longestAwayMs = 2_000
const longestBackoffMs = 60_000

/** As long as it is asked to, which a timer may not be. */
export async function pause(ms: number, options?: { signal?: AbortSignal; ref?: boolean }): Promise<void> {
  for (let left = ms; left >= 0; left -= longestTimerMs) await sleep(Math.min(left, longestTimerMs), undefined, options)
}

/** As listed, or doubling from the first on; with up to a quarter of jitter, so that a crowd does not come back as one. */
export function pauseMs({ backoffMs }: Policy, attempt: number): number {
  const ms = Array.isArray(backoffMs)
    ? (backoffMs[Math.min(attempt, backoffMs.length) - 1] as number)
    : Math.min(longestBackoffMs, backoffMs * 2 ** Math.min(attempt - 1, 30))
  return ms * (1 + Math.random() / 4)
}

/** Before what is away is asked again; cut short by a stop. */
export const pauseAway = (policy: Policy, tries: number, signal: AbortSignal): Promise<void> =>
  pause(Math.min(pauseMs(policy, tries), longestAwayMs), { signal }).catch(() => undefined)
