import type { Policy } from '../manifest'
import type { Delivered } from '../nats/pull'

const mostRemembered = 10_000

/** Tells failures from `later`, which the broker counts alike. */
export interface Attempts {
  /** 1 on the first run. */
  of(delivered: Delivered): number
  /** Too many deliveries already, before this run. */
  spent(delivered: Delivered): boolean
  /** Notes a failure and tells whether it was the last one allowed. */
  failed(delivered: Delivered): boolean
  later(delivered: Delivered): void
  tooOld(delivered: Delivered): boolean
  forget(delivered: Delivered): void
}

/**
 * Without `maxAgeMs` deliveries count, less those that ended in `later` in this process. With it, deliveries say
 * nothing (another instance may have said `later` any number of times): failures in this process count, and age.
 * `inPlace`: what failed is not delivered again but waits here, so that its failures count beside its deliveries.
 */
export function countAttempts({ maxDeliver, maxAgeMs }: Policy, inPlace = false): Attempts {
  const known = new Map<number, { failures: number; laters: number; since: number }>()

  const noted = ({ seq }: Delivered) => {
    const found = known.get(seq) ?? { failures: 0, laters: 0, since: Date.now() }
    if (!known.has(seq) && known.size >= mostRemembered) known.delete(known.keys().next().value as number)
    known.set(seq, found)
    return found
  }
  // A message that was stored long before it was first handled, since its function was away, has its time before it.
  const tooOld = ({ seq, storedAt }: Delivered) =>
    maxAgeMs !== undefined && Date.now() - Math.max(storedAt, known.get(seq)?.since ?? 0) > maxAgeMs
  const of = (delivered: Delivered) => {
    const { failures, laters } = known.get(delivered.seq) ?? { failures: 0, laters: 0 }
    if (maxAgeMs !== undefined) return failures + 1
    return inPlace ? delivered.attempt + failures : Math.max(1, delivered.attempt - laters)
  }

  return {
    of,
    tooOld,
    spent: (delivered) =>
      maxAgeMs === undefined ? of(delivered) > maxDeliver : tooOld(delivered) && delivered.attempt > maxDeliver,
    failed(delivered) {
      const last = of(delivered) >= maxDeliver
      noted(delivered).failures++
      return last
    },
    later: (delivered) => void noted(delivered).laters++,
    forget: ({ seq }) => void known.delete(seq),
  }
}
