/** Together less than the ten minutes for which the broker knows a message's id. */
export const limits = { lagMs: 8 * 60_000, lookAgainMs: 60_000 }

let lookedAt = Number.NEGATIVE_INFINITY

/**
 * Makes sure, with one look in a while, that `order/track` follows. Then an order whose first request died between event
 * and record has its record before the broker forgets the event's id, and another body under its key is found out.
 */
export async function followed(settled: (name: 'order/track', options: { olderThanMs: number }) => Promise<void>) {
  const now = performance.now()
  if (now - lookedAt < limits.lookAgainMs) return
  await settled('order/track', { olderThanMs: limits.lagMs })
  lookedAt = now
}
