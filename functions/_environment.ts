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
