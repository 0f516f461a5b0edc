import type { Log } from '../../runtime/types'

/**
 * Only an answer ends a payment: no age makes it a dead letter while money may have moved. Silence of the payment service
 * is no failure of ours; what fails a hundred times all the same, over an hour and more, is for a person to look at.
 */
export const untilAnswered = { maxAgeMs: 100 * 365 * 24 * 3_600_000, maxDeliver: 100 }

const shortestMs = 500
const longestMs = 30_000
const alarmingMs = 15 * 60_000

/** As long as it has waited so far, so that it doubles; not past the deadline, where the question changes. */
export function pauseMs(sinceMs: number, nowMs: number, deadlineMs = Number.POSITIVE_INFINITY): number {
  const pause = Math.min(Math.max(nowMs - sinceMs, shortestMs), longestMs)
  return nowMs < deadlineMs ? Math.min(pause, deadlineMs - nowMs) : pause
}

interface Waiting {
  order: string
  /** From when on it could be asked for. */
  since: string
  deadlineMs?: number
  log: Log
  later(ms: number): never
}

/** The provider's answer. A call that throws is made again: it leaves open whether money moved. */
export function answerTo<T>(call: Promise<T>, unanswered: string, waiting: Waiting): Promise<T> {
  const { order, since, deadlineMs, log, later } = waiting
  return call.catch((error) => {
    const waitedMs = Date.now() - Date.parse(since)
    log[waitedMs < alarmingMs ? 'warn' : 'error']({ order, err: error, waitedMs }, unanswered)
    return later(pauseMs(Date.parse(since), Date.now(), deadlineMs))
  })
}
