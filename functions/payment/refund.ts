import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { cancel, isOpen, type Payment, refund, refundedEvent } from './_payment'
import { provider } from './_provider'

export const config = {
  mode: 'stream',
  subject: 'events.order_cancelled',
  queue: 'payment',
  emits: ['events.payment_refunded'],
  stores: ['payments'],
  maxAgeMs: 30 * 24 * 3_600_000,
} satisfies Config

const captureEndsMs = 500
const askAgainMs = 2_000

/** Gives back what was captured; where nothing was, its mark stops a capture that comes later. */
export default (async (order, { store, emit, log, later }) => {
  const { order_id } = order
  const payments = store<Payment>('payments')
  let payment = await payments.update(order_id, (known) => cancel(known, order))
  if (isOpen(payment)) return later(captureEndsMs)
  const { captured, refunded, amount = 0, currency = '' } = payment
  if (captured && !refunded) {
    const given = { key: order_id, payment_id: captured.payment_id, amount, currency }
    await step('call payment.refund', () => provider.refund(given)).catch((error) => {
      log.warn({ order: order_id, err: error }, 'the payment service did not confirm the refund; it is asked again')
      return later(askAgainMs)
    })
    payment = await payments.update(order_id, (known = payment) => refund(known, now()))
  }
  const event = refundedEvent(payment)
  if (event) emit('events.payment_refunded', event)
}) satisfies Handler<typeof config>
