import type { Ports } from '../runtime/context'
import { type Rejection, rejection } from '../runtime/errors'
import type { LoadedFunction } from '../runtime/invoke'
import { nextTraceparent } from './trace'

const tellAgainMs = 1_000

/** Counts what found no slot as refused; with a log line a second at most, since those who are too busy have no time. */
export function turnAway({ entry }: LoadedFunction, { observe, log }: Ports): (subject: string) => Rejection {
  let count = 0
  let toldAt = 0
  return (subject) => {
    const refused = rejection(503, 'Too busy to take it now.')
    const now = Date.now()
    const run = {
      entry,
      subject,
      id: '',
      attempt: 1,
      startedAt: now,
      traceparent: nextTraceparent(),
      parent: undefined,
    }
    observe.began(run)
    observe.ended(run, 'refused', 0, refused)
    count++
    if (now - toldAt < tellAgainMs) return refused
    log.warn({ function: entry.name, count }, 'too busy: turned away')
    toldAt = now
    count = 0
    return refused
  }
}
