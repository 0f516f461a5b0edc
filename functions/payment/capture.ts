import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { paymentDeadlineMs } from '../_environment'
import { now } from '../_fields'
import { answerTo, untilAnswered } from './_patience'
import {
  type Answer,
  capturedEvent,
  declinedEvent,
  isOpen,
  open,
  owes,
  type Payment,
  questionTo,
  refundedEvent,
  settle,
} from './_payment'
import { checkEnvironment, provider } from './_provider'
import { giveBack } from './_refund'

export const config = {
  mode: 'stream',
  subject: 'events.inventory_reserved',
  queue: 'payment',
  emits: ['events.payment_captured', 'events.payment_declined', 'events.payment_refunded'],
  stores: ['payments'],
  replay: 'never',
  ...untilAnswered,
} satisfies Config

export const setup = checkEnvironment

/** Charges what was reserved, once: the provider knows the payment by its key, and the record by its marks. */
export default (async (reserved, { store, emit, publish, log, later, signal }) => {
  const { order_id, occurred_at } = reserved
  const payments = store<Payment>('payments')
  // What was begun is known by its event: the record is opened with the answer that settles it.
  let payment = open(await payments.get(order_id), reserved)
  if (isOpen(payment)) {
    const deadlineMs = Date.parse(occurred_at) + paymentDeadlineMs()
    const waiting = { order: order_id, since: occurred_at, deadlineMs, log, later }
    const unanswered = 'it is not known whether the payment was charged; the payment service is asked again'
    const answer = await answerTo(ask(payment, deadlineMs, signal), unanswered, waiting)
    const at = now()
    payment = await payments.update(order_id, (known) => settle(open(known, reserved), answer, at))
  }
  // Told before it is given back, which may take long: until then it is money with us that everybody must see.
  const owed = owes(payment) && capturedEvent(payment)
  if (owed) await publish('events.payment_captured', owed)
  payment = await giveBack(payment, { payments, since: occurred_at, log, later, signal })
  const captured = capturedEvent(payment)
  const declined = declinedEvent(payment)
  const refunded = refundedEvent(payment)
  if (captured) emit('events.payment_captured', captured)
  if (declined) emit('events.payment_declined', declined)
  if (refunded) emit('events.payment_refunded', refunded)
}) satisfies Handler<typeof config>

/** An earlier run may have charged, whatever this one finds: only the provider knows. */
function ask(payment: Payment, deadlineMs: number, signal: AbortSignal): Promise<Answer> {
  const { order_id: key, amount = 0, currency = '' } = payment
  const due = { key, amount, currency }
  return questionTo(payment, deadlineMs, Date.now()) === 'void'
    ? step('call payment.void', () => provider().void(due, signal))
    : step('call payment.capture', () => provider().capture(due, signal))
}
