import { paymentLimit } from '../_environment'

/**
 * A payment service. The same `key` is the same payment: asking again charges nothing twice and gives the same answer.
 * A call that throws leaves open whether it was done; it is made again until it answers.
 */
export interface PaymentProvider {
  capture(payment: { key: string; amount: number; currency: string }): Promise<Captured | { kind: 'declined' }>
  /** Makes sure that the payment is never charged, or tells that it was. */
  void(payment: { key: string }): Promise<Captured | { kind: 'voided' }>
  refund(payment: { key: string; payment_id: string; amount: number; currency: string }): Promise<void>
}

interface Captured {
  kind: 'captured'
  payment_id: string
}

/** Charges nobody: declines what is above `PAYMENT_LIMIT`, and needs no memory since its answers follow from the key. */
const simulatedCard: PaymentProvider = {
  capture: async ({ key, amount }) =>
    amount > paymentLimit() ? { kind: 'declined' } : { kind: 'captured', payment_id: `card-${key}` },
  void: async () => ({ kind: 'voided' }),
  refund: async () => undefined,
}

export const provider: PaymentProvider = simulatedCard
