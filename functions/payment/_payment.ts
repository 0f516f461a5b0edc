import type { Declined, Money } from './_contract'

/** The one record of an order's money; each step is noted with its time, so that a repeat tells the same. */
export interface Payment {
  order_id: string
  user_id: string
  /** Absent while nobody asked for it: only a cancel is known. */
  amount?: number
  currency?: string
  captured?: { payment_id: string; at: string }
  declined?: { at: string }
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

/** Opens the payment before anybody is charged, so that what was begun is known whatever dies. */
export function open(known: Payment | undefined, { order_id, user_id, amount, currency }: Due): Payment {
  return known?.amount !== undefined ? known : { order_id, user_id, ...known, amount, currency }
}

/** Not charged and not declined, as far as is known: the provider may have been asked. */
export const isOpen = ({ amount, captured, declined }: Payment): boolean =>
  amount !== undefined && !captured && !declined

export const settle = (payment: Payment, facts: Pick<Payment, 'captured' | 'declined'>): Payment =>
  isOpen(payment) ? { ...payment, ...facts } : payment

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
  return declined && { order_id, user_id, occurred_at: declined.at, reason: 'payment_declined' }
}

function money({ order_id, user_id, amount = 0, currency = '', captured }: Payment, at: string): Money {
  return { order_id, user_id, occurred_at: at, payment_id: captured?.payment_id ?? '', amount, currency }
}
