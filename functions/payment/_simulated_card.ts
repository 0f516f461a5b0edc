import { paymentLimit } from '../_environment'
import type { PaymentProvider } from './_provider'

/** Charges nobody: declines what is above `PAYMENT_LIMIT`, and needs no memory since its answers follow from the key. */
export const simulatedCard: PaymentProvider = {
  capture: async ({ key, amount }) =>
    amount > paymentLimit() ? { kind: 'declined' } : { kind: 'captured', payment_id: `card-${key}` },
  void: async () => ({ kind: 'voided' }),
  refund: async () => undefined,
}
