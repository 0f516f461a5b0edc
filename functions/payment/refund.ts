import type { Config, Handler } from '../_contracts'
import { untilAnswered } from './_patience'
import { cancel, type Payment, refundedEvent } from './_payment'
import { checkEnvironment } from './_provider'
import { giveBack } from './_refund'

export const config = {
  mode: 'stream',
  subject: 'events.order_cancelled',
  queue: 'payment',
  emits: ['events.payment_refunded'],
  stores: ['payments'],
  replay: 'never',
  ...untilAnswered,
} satisfies Config

export const setup = checkEnvironment

/** Gives back what was captured; its mark stops a capture that comes later, and one under way gives back by itself. */
export default (async (order, { store, emit, log, later, signal }) => {
  const { order_id, occurred_at: since } = order
  const payments = store<Payment>('payments')
  const cancelled = await payments.update(order_id, (known) => cancel(known, order))
  const event = refundedEvent(await giveBack(cancelled, { payments, since, log, later, signal }))
  if (event) emit('events.payment_refunded', event)
}) satisfies Handler<typeof config>
