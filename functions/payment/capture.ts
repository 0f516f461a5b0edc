import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { paymentLimit } from '../_environment'
import { now } from '../_fields'
import { capturedEvent, declinedEvent, isOpen, open, type Payment, refundedEvent, settle } from './_payment'
import { provider } from './_provider'
import { giveBack } from './_refund'

export const config = {
  mode: 'stream',
  subject: 'events.inventory_reserved',
  queue: 'payment',
  emits: ['events.payment_captured', 'events.payment_declined', 'events.payment_refunded'],
  stores: ['payments'],
  maxAgeMs: 30 * 24 * 3_600_000,
  replay: 'never',
} satisfies Config

export const setup = paymentLimit

const askAgainMs = 2_000

/** Charges what was reserved, once: the provider knows the payment by its key, and the record by its marks. */
export default (async (reserved, { store, emit, log, later }) => {
  const { order_id } = reserved
  const payments = store<Payment>('payments')
  let payment = await payments.update(order_id, (known) => open(known, reserved))
  if (isOpen(payment)) {
    const facts = await ask(payment).catch((error) => {
      log.warn({ order: order_id, err: error }, 'the payment service gave no answer; it is asked again')
      return later(askAgainMs)
    })
    if (facts) payment = await payments.update(order_id, (known = payment) => settle(known, facts))
  }
  payment = await giveBack(payment, { payments, log, later })
  const captured = capturedEvent(payment)
  const declined = declinedEvent(payment)
  const refunded = refundedEvent(payment)
  if (captured) emit('events.payment_captured', captured)
  if (declined) emit('events.payment_declined', declined)
  if (refunded) emit('events.payment_refunded', refunded)
}) satisfies Handler<typeof config>

/**
 * What the provider says; nothing where it was made sure that nobody is ever charged. Where a cancel came first, an
 * earlier run may have charged all the same: only the provider knows.
 */
async function ask({ order_id: key, cancelled, amount = 0, currency = '' }: Payment) {
  const answer = cancelled
    ? await step('call payment.void', () => provider.void({ key }))
    : await step('call payment.capture', () => provider.capture({ key, amount, currency }))
  if (answer.kind === 'voided') return undefined
  const at = now()
  return answer.kind === 'captured' ? { captured: { payment_id: answer.payment_id, at } } : { declined: { at } }
}
