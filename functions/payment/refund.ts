import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { answerTo, pauseMs, untilAnswered } from './_patience'
import { cancel, isOpen, type Payment, refund, refundedEvent } from './_payment'
import { checkEnvironment, provider } from './_provider'

export const config = {
  mode: 'stream',
  subject: 'events.order_cancelled',
  queue: 'payment',
  emits: ['events.payment_refunded'],
  stores: ['payments'],
  ...untilAnswered,
} satisfies Config

export const setup = checkEnvironment

/** Gives back what was captured; where nothing was, its mark stops a capture that comes later. */
export default (async (order, { store, emit, log, later, signal }) => {
  const { order_id, occurred_at } = order
  const payments = store<Payment>('payments')
  let payment = await payments.update(order_id, (known) => cancel(known, order))
  if (isOpen(payment)) {
    log.info({ order: order_id }, 'whether there is something to refund is known once the payment has its answer')
    return later(pauseMs(Date.parse(occurred_at), Date.now()))
  }
  const { captured, refunded, amount = 0, currency = '' } = payment
  if (captured && !refunded) {
    const given = { key: order_id, payment_id: captured.payment_id, amount, currency }
    const call = step('call payment.refund', () => provider().refund(given, signal))
    const unanswered = 'the refund is not confirmed; the payment service is asked again'
    const since = captured.at > occurred_at ? captured.at : occurred_at
    await answerTo(call, unanswered, { order: order_id, since, log, later })
    const at = now()
    payment = await payments.update(order_id, (known = payment) => refund(known, at))
  }
  const event = refundedEvent(payment)
  if (event) emit('events.payment_refunded', event)
}) satisfies Handler<typeof config>
