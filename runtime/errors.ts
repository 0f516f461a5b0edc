import type { FieldError } from './types'

// Bundles do not share classes, so what a throw means is told by a registered symbol, never by `instanceof`.
const kind = Symbol.for('deliveryflow.kind')

/** The caller or the message is at fault: trying again changes nothing (503: come back later). */
export interface Rejection extends Error {
  code: number
  errors?: FieldError[]
}

/** The broker, a store or a peer cannot be reached: nobody's poison, worth waiting for. */
export interface Away extends Error {
  reason: AwayReason
}

export type AwayReason = 'no-responders' | 'timeout' | 'disconnected' | 'unavailable' | 'denied'

export interface Later extends Error {
  ms: number
}

export const rejection = (code: number, message: string, errors?: FieldError[]): Rejection =>
  mark('rejection', new Error(message), { code, errors })

export const away = (reason: AwayReason, message: string): Away => mark('away', new Error(message), { reason })

/** Without a stack, which costs more than all the rest of putting off: it is no error of anybody's. */
export function laterError(ms: number): Later {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error = new Error(`again in ${ms} ms`)
  Error.stackTraceLimit = stackTraceLimit
  return mark('later', error, { ms })
}

/** What the operator has to put right; ends the process with exit code 2 and this one line. */
export const configuration = (message: string): Error => mark('configuration', new Error(message), {})

export const isRejection = (error: unknown): error is Rejection => kindOf(error) === 'rejection'
export const isAway = (error: unknown): error is Away => kindOf(error) === 'away'
export const isLater = (error: unknown): error is Later => kindOf(error) === 'later'
export const isConfiguration = (error: unknown): error is Error => kindOf(error) === 'configuration'

/** Any thrown value as an Error whose message and stack are text, so that who tells of it cannot fail on it. */
export function asError(thrown: unknown): Error {
  try {
    if (!(thrown instanceof Error)) return new Error(`thrown, not an error: ${String(thrown)}`)
    const { message, stack = '' } = thrown
    if (typeof message === 'string' && typeof stack === 'string') return thrown
    return new Error(`thrown, with a message that is no text: ${JSON.stringify(message)}`)
  } catch {
    return new Error('thrown, and nothing can be told of it')
  }
}

function mark<T extends object>(name: string, error: Error, fields: T): Error & T {
  return Object.assign(error, fields, { [kind]: name })
}

function kindOf(error: unknown): unknown {
  try {
    return (error as Record<symbol, unknown> | null | undefined)?.[kind]
  } catch {
    return undefined
  }
}
