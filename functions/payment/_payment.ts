import type { Declined, Money } from './_contract'
import type * as provider from './_provider'

/** The one record of an order's money; each step is noted with its time, so that a repeat tells the same. */
export interface Payment {
  order_id: string
  user_id: string
  /** Absent while nobody asked for it: only a cancel is known. */
  amount?: number
  currency?: string
  captured?: { payment_id: string; at: string }
  declined?: { at: string; reason: Declined['reason'] }
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

/** The record with what is due in it. */
export function open(known: Payment | undefined, { order_id, user_id, amount, currency }: Due): Payment {
  return known?.amount !== undefined ? known : { order_id, user_id, ...known, amount, currency }
}

/** Not charged and not declined, as far as is known: the provider may have been asked. */
export const isOpen = ({ amount, captured, declined }: Payment): boolean =>
  amount !== undefined && !captured && !declined

/** Once nobody waits for the payment, all that is left to find out is whether money moved. */
export const questionTo = ({ cancelled }: Payment, deadline: number, now: number): 'capture' | 'void' =>
  cancelled || now >= deadline ? 'void' : 'capture'

export type Answer = provider.Captured | provider.Declined | provider.Voided

/** The first answer stands. A void is nobody's decline where the order was cancelled: it waits for no answer. */
export function settle(payment: Payment, answer: Answer, at: string): Payment {
  if (!isOpen(payment)) return payment
  if (answer.kind === 'captured') return Object.assign({}, payment, { captured: { payment_id: answer.payment_id, at } })
  if (answer.kind === 'declined') return { ...payment, declined: { at, reason: 'payment_declined' } }
  return payment.cancelled ? payment : { ...payment, declined: { at, reason: 'payment_timeout' } }
}

export function cancel(known: Payment | undefined, { order_id, user_id }: Pick<Payment, 'order_id' | 'user_id'>) {
  if (known?.cancelled) return known
  return { ...(known ?? { order_id, user_id }), cancelled: true as const }
}

/** Money is with us that is the customer's again. */
export const owes = ({ cancelled, captured, refunded }: Payment): boolean => !!cancelled && !!captured && !refunded

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
  return declined && { order_id, user_id, occurred_at: declined.at, reason: declined.reason }
}

function money({ order_id, user_id, amount = 0, currency = '', captured }: Payment, at: string): Money {
  return { order_id, user_id, occurred_at: at, payment_id: captured?.payment_id ?? '', amount, currency }
}
