import { setTimeout as sleep } from 'node:timers/promises'
import { away, isAway } from '../runtime/errors'

export const electionMs = 20_000
/** For one try. */
export const attemptMs = 5_000

/** Whether the server refused a call or a publish for one of these reasons. */
export const hasCode = (error: unknown, ...codes: number[]): boolean =>
  codes.includes((error as { errCode?: number } | undefined)?.errCode ?? 0)

// No leader, not ready, none of its nodes up, overloaded, the same id still under way, or no room left: all can pass.
const passing = [10008, 10004, 10009, 10118, 10119, 10163, 10158, 10167, 10002, 10023, 10028, 10047, 10077]

/** Tries again what can pass, within the budget. */
export async function persist<T>(budgetMs: number, attempt: (timeoutMs: number) => Promise<T>): Promise<T> {
  const deadline = Date.now() + budgetMs
  for (let pause = 50; ; pause = Math.min(pause * 2, 250)) {
    try {
      return await attempt(Math.max(1, Math.min(attemptMs, deadline - Date.now())))
    } catch (error) {
      if (isAway(error) ? error.reason === 'denied' : !hasCode(error, ...passing)) throw error
      if (Date.now() + pause >= deadline) throw isAway(error) ? error : away('unavailable', (error as Error).message)
      await sleep(pause)
    }
  }
}
