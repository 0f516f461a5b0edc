import { configuration } from '../runtime/errors'
import { wholeNumber } from '../runtime/settings'

/** ISO 4217. */
export function currency(): string {
  const code = process.env.CURRENCY || 'USD'
  if (!/^[A-Z]{3}$/.test(code)) throw configuration(`CURRENCY: three capital letters as USD, not ${code}`)
  return code
}

/** Above this the simulated card declines, in minor units. */
export const paymentLimit = (): number => wholeNumber(process.env, 'PAYMENT_LIMIT', 1_000_000)

/** How long a reserved order waits for its payment, from the reservation on. */
export const paymentDeadlineMs = (): number =>
  wholeNumber(process.env, 'PAYMENT_DEADLINE_MS', 900_000, 1, 30 * 24 * 3_600_000)

export interface PaymentService {
  /** Without a slash at its end. */
  url: string
  token: string | undefined
  timeoutMs: number
}

/** The payment service; undefined where the simulated card stands in for it. What is wrong is not repeated: it may be a secret. */
export function paymentService(): PaymentService | undefined {
  const { PAYMENT_URL, PAYMENT_TOKEN } = process.env
  // Less than a handler has, so that silence is told as such before the handler's own time is over.
  const timeoutMs = wholeNumber(process.env, 'PAYMENT_TIMEOUT_MS', 5_000, 1, 20_000)
  if (PAYMENT_TOKEN && !/^[\x21-\x7e]+$/.test(PAYMENT_TOKEN)) {
    throw configuration('PAYMENT_TOKEN: visible ASCII characters alone, without spaces')
  }
  return PAYMENT_URL ? { url: baseUrl(PAYMENT_URL), token: PAYMENT_TOKEN || undefined, timeoutMs } : undefined
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#\s]/.test(text)) {
    throw configuration(
      'PAYMENT_URL: an http or https URL without credentials, query and fragment, as https://pay.test/v1',
    )
  }
  return url.href.replace(/\/+$/, '')
}

/** How many simulated couriers there are. */
export const couriers = (): number => wholeNumber(process.env, 'COURIERS', 50, 0, 1_000_000)

/** How long each leg of a simulated delivery takes; undefined where couriers report themselves. */
export const simulatedLegMs = (): number | undefined =>
  process.env.DELIVERY_SIMULATION_MS ? wholeNumber(process.env, 'DELIVERY_SIMULATION_MS', 0, 0, 86_400_000) : undefined

/** How long the gateway waits for a service. */
export const rpcTimeoutMs = (): number => wholeNumber(process.env, 'RPC_TIMEOUT_MS', 2_000, 1, 600_000)

/** How long a counterpart may be awaited before the books call it a violation. */
export const booksGraceMs = (): number => wholeNumber(process.env, 'BOOKS_GRACE_MS', 60_000, 0, 86_400_000)

/** Whether operators' and couriers' calls are open: unset, they are on a loopback address alone. */
export function authIsOff(loopback: boolean): boolean {
  const { AUTH } = process.env
  if (AUTH && AUTH !== 'off') throw configuration(`AUTH: off or unset; ${AUTH} is not supported yet`)
  return AUTH === 'off' || loopback
}
