/** Together less than the ten minutes for which the broker knows a message's id. */
export const limits = { lagMs: 8 * 60_000, lookAgainMs: 60_000 }

let look = { at: Number.NEGATIVE_INFINITY, done: Promise.resolve() }

/**
 * Makes sure, with one look in a while, that `order/track` follows. Then an order whose first request died between event
 * and record has its record before the broker forgets the event's id, and another body under its key is found out.
 */
export function followed(
  settled: (name: 'order/track', options: { olderThanMs: number }) => Promise<void>,
): Promise<void> {
  const at = performance.now()
  if (at - look.at >= limits.lookAgainMs) {
    const mine = { at, done: settled('order/track', { olderThanMs: limits.lagMs }) }
    look = mine
    mine.done.catch(() => {
      mine.at = Number.NEGATIVE_INFINITY
    })
  }
  return look.done
}
