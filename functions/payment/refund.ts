import type { Config, Handler } from '../_contracts'
import { cancel, type Payment, refundedEvent } from './_payment'
import { giveBack } from './_refund'

export const config = {
  mode: 'stream',
  subject: 'events.order_cancelled',
  queue: 'payment',
  emits: ['events.payment_refunded'],
  stores: ['payments'],
  maxAgeMs: 30 * 24 * 3_600_000,
  replay: 'never',
} satisfies Config

/** Gives back what was captured; its mark stops a capture that comes later, and one under way gives back by itself. */
export default (async (order, { store, emit, log, later }) => {
  const payments = store<Payment>('payments')
  const cancelled = await payments.update(order.order_id, (known) => cancel(known, order))
  const event = refundedEvent(await giveBack(cancelled, { payments, log, later }))
  if (event) emit('events.payment_refunded', event)
}) satisfies Handler<typeof config>
