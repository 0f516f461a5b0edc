import { step } from '../../runtime/failpoint'
import type { Log, Store } from '../../runtime/types'
import { now } from '../_fields'
import { answerTo } from './_patience'
import { owes, type Payment, refund } from './_payment'
import { provider } from './_provider'

interface Means {
  payments: Store<Payment>
  /** From when on the order was cancelled, or known to be charged. */
  since: string
  log: Log
  later(ms: number): never
  signal: AbortSignal
}

/**
 * Gives back what was captured of a cancelled order. Called by the one that cancels and by the one that captures, each
 * after its own mark is stored, so that the later of the two finds both marks.
 */
export async function giveBack(payment: Payment, means: Means): Promise<Payment> {
  const { order_id: key, captured, amount = 0, currency = '' } = payment
  if (!owes(payment) || !captured) return payment
  const { payments, log, later, signal } = means
  const since = captured.at > means.since ? captured.at : means.since
  const given = { key, payment_id: captured.payment_id, amount, currency }
  const call = step('call payment.refund', () => provider().refund(given, signal))
  await answerTo(call, 'the refund is not confirmed; the payment service is asked again', {
    order: key,
    since,
    log,
    later,
  })
  const at = now()
  return payments.update(key, (known = payment) => refund(known, at))
}
