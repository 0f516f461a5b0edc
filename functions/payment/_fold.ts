import type { Handler } from '../_contracts'
import { cancel, open, type Payment } from './_payment'
import type { config } from './track'

export type PaymentFact = Parameters<Handler<typeof config>>[1]['message']

/** The record after one more fact, in whatever order they come; the very record where it holds the fact already. */
export function fold(known: Payment | undefined, { subject, body }: PaymentFact): Payment | undefined {
  switch (subject) {
    case 'events.inventory_reserved':
      return open(known, body)
    case 'events.payment_captured': {
      const { payment_id, occurred_at: at } = body
      return known?.captured ? known : { ...open(known, body), captured: { payment_id, at } }
    }
    case 'events.payment_declined':
      return known?.declined
        ? known
        : { ...of(body), ...known, declined: { at: body.occurred_at, reason: body.reason } }
    case 'events.payment_refunded':
      return known?.refunded ? known : { ...of(body), ...known, refunded: { at: body.occurred_at } }
    case 'events.order_cancelled':
      return cancel(known, body)
    default:
      return known
  }
}

const of = ({ order_id, user_id }: Pick<Payment, 'order_id' | 'user_id'>) => ({ order_id, user_id })
