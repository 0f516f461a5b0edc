import { step } from '../../runtime/failpoint'
import type { Log, Store } from '../../runtime/types'
import { now } from '../_fields'
import { owes, type Payment, refund } from './_payment'
import { provider } from './_provider'

interface Means {
  payments: Store<Payment>
  log: Log
  later(ms: number): never
}

const askAgainMs = 2_000

/**
 * Gives back what was captured of a cancelled order. Called by the one that cancels and by the one that captures, each
 * after its own mark is stored, so that the later of the two finds both marks.
 */
export async function giveBack(payment: Payment, { payments, log, later }: Means): Promise<Payment> {
  if (!owes(payment)) return payment
  const { order_id: key, captured, amount = 0, currency = '' } = payment
  const given = { key, payment_id: captured?.payment_id ?? '', amount, currency }
  await step('call payment.refund', () => provider.refund(given)).catch((error) => {
    log.warn({ order: key, err: error }, 'the payment service did not confirm the refund; it is asked again')
    return later(askAgainMs)
  })
  return payments.update(key, (known = payment) => refund(known, now()))
}
