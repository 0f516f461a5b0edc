import type { Declined, Money } from './_contract'
import type * as provider from './_provider'

/** The one record of an order's money; each step is noted with its time, so that a repeat tells the same. */
export interface Payment {
  order_id: string
  user_id: string
  /** Absent while only a cancel is known. */
  amount?: number
  currency?: string
  captured?: { payment_id: string; at: string }
  /** Without a reason: the card was declined. */
  declined?: { at: string; reason?: Declined['reason'] }
  /** Cancelled before it was charged. */
  voided?: { at: string }
  /** The order was cancelled: nothing may be captured any more, and what was is given back. */
  cancelled?: true
  refunded?: { at: string }
}

interface Due {
  order_id: string
  user_id: string
  amount: number
  currency: string
}

/** Opens the payment before anybody is charged, so that a cancel which comes meanwhile finds it; not after one. */
export function open(known: Payment | undefined, { order_id, user_id, amount, currency }: Due): Payment {
  return known ?? { order_id, user_id, amount, currency }
}

/** The provider may have been asked, and its answer is not stored yet. */
export const isOpen = ({ amount, captured, declined, voided }: Payment): boolean =>
  amount !== undefined && !captured && !declined && !voided

/** Once nobody waits for the payment, all that is left to find out is whether money moved. */
export const questionTo = ({ cancelled }: Payment, deadline: number, now: number): 'capture' | 'void' =>
  cancelled || now >= deadline ? 'void' : 'capture'

/** The first answer stands. A void is nobody's decline where the order was cancelled: it waits for no answer. */
export function settle(payment: Payment, answer: Answer, at: string): Payment {
  if (!isOpen(payment)) return payment
  if (answer.kind === 'captured') return { ...payment, captured: { payment_id: answer.payment_id, at } }
  if (answer.kind === 'declined') return { ...payment, declined: { at, reason: 'payment_declined' } }
  return payment.cancelled
    ? { ...payment, voided: { at } }
    : { ...payment, declined: { at, reason: 'payment_timeout' } }
}

export type Answer = provider.Captured | provider.Declined | provider.Voided

export function cancel(known: Payment | undefined, { order_id, user_id }: Pick<Payment, 'order_id' | 'user_id'>) {
  if (known?.cancelled) return known
  return { ...(known ?? { order_id, user_id }), cancelled: true as const }
}

export const refund = (payment: Payment, at: string): Payment =>
  payment.captured && !payment.refunded ? { ...payment, refunded: { at } } : payment

export function capturedEvent(payment: Payment): Money | undefined {
  const { captured } = payment
  return captured && money(payment, captured.at)
}

export function refundedEvent(payment: Payment): Money | undefined {
  const { refunded } = payment
  return refunded && money(payment, refunded.at)
}

export function declinedEvent({ order_id, user_id, declined }: Payment): Declined | undefined {
  if (!declined) return undefined
  const { at, reason = 'payment_declined' } = declined
  return { order_id, user_id, occurred_at: at, reason }
}

function money({ order_id, user_id, amount = 0, currency = '', captured }: Payment, at: string): Money {
  return { order_id, user_id, occurred_at: at, payment_id: captured?.payment_id ?? '', amount, currency }
}
