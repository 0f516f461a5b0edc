import { paymentDeadlineMs, paymentLimit, paymentService } from '../_environment'
import { httpProvider } from './_http_provider'
import { simulatedCard } from './_simulated_card'

/**
 * A payment service. The same `key` is the same payment: asking again charges nothing twice and gives the same answer.
 * A call that throws leaves open whether it was done; it is made again until it answers.
 */
export interface PaymentProvider {
  /** `voided` where a void came first. */
  capture(payment: Due, signal: AbortSignal): Promise<Captured | Declined | Voided>
  /** Makes sure that the payment is never charged from then on, or tells that it was. */
  void(payment: Due, signal: AbortSignal): Promise<Captured | Voided>
  /** All of it, once. */
  refund(payment: Due & { payment_id: string }, signal: AbortSignal): Promise<void>
}

export interface Due {
  key: string
  /** Minor units. */
  amount: number
  /** ISO 4217. */
  currency: string
}

export interface Captured {
  kind: 'captured'
  /** 1 to 128 characters. */
  payment_id: string
}

export interface Declined {
  kind: 'declined'
}

export interface Voided {
  kind: 'voided'
}

/** The real one where `PAYMENT_URL` names it, else the simulated card. */
export function provider(): PaymentProvider {
  const service = paymentService()
  return service ? httpProvider(service) : simulatedCard
}

/** All that payment reads of the environment, so that a wrong value ends the process at its start. */
export function checkEnvironment(): void {
  paymentLimit()
  paymentDeadlineMs()
  paymentService()
}
