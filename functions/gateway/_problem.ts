import { isAway, isRejection } from '../../runtime/errors'
import type { FieldError, HttpResponse, Log } from '../../runtime/types'

/** Every kind of problem, its status and what it means; `/problems/<kind>` answers with the sentence. */
export const kinds = {
  'invalid-request': [400, 'The request is not valid; errors names each field at fault.'],
  unauthenticated: [401, 'The request does not say who you are.'],
  forbidden: [403, 'You may not do this.'],
  'not-found': [404, 'There is no such thing.'],
  'method-not-allowed': [405, 'The path takes other methods; Allow lists them.'],
  'not-cancellable': [409, 'The order cannot be cancelled any more.'],
  'not-allowed-now': [409, 'The present status does not allow it.'],
  'too-large': [413, 'The body is over 64 KiB.'],
  'idempotency-key-reused': [422, 'The Idempotency-Key was used with another body.'],
  'too-many-requests': [429, 'You send too many requests; Retry-After says when to go on.'],
  'service-fault': [502, 'The service failed; the outcome is unknown.'],
  'too-busy': [503, 'Too busy now and nothing was done; Retry-After says when to try again.'],
  'not-ready': [503, 'NATS is away, or this process is shutting down.'],
  'no-answer': [504, 'The service did not answer in time or is not running; the outcome is unknown.'],
} as const

export type Kind = keyof typeof kinds

interface Details {
  detail?: string
  instance?: string
  order_id?: string
  errors?: FieldError[]
}

export function problem(kind: Kind, details: Details = {}, headers: Record<string, string> = {}): HttpResponse {
  const [status, title] = kinds[kind]
  const body = { type: `/problems/${kind}`, title, status, ...details }
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
    body: `${JSON.stringify(body)}\n`,
  }
}

const kindOfCode: Record<number, Kind> = {
  400: 'invalid-request',
  403: 'forbidden',
  404: 'not-found',
  409: 'not-allowed-now',
  413: 'too-large',
  422: 'idempotency-key-reused',
}

/** What an error of a service means over HTTP; what is none of the agreed ones is logged and tells nothing of itself. */
export function problemOf(error: unknown, details: Details & { conflict?: Kind }, log: Log): HttpResponse {
  const { conflict, order_id, instance } = details
  if (isRejection(error)) {
    const kind = error.code === 409 && conflict ? conflict : kindOfCode[error.code]
    const errors = kind === 'invalid-request' ? (error.errors ?? []) : undefined
    if (kind) return problem(kind, { detail: error.message, instance, ...(errors && { errors }) })
  }
  if (isAway(error)) {
    const busy = (error as { code?: unknown }).code === 503
    return busy
      ? problem('too-busy', { instance }, { 'Retry-After': '1' })
      : problem('no-answer', { instance, order_id })
  }
  log.error({ err: error }, 'a service failed or answered wrongly')
  return problem('service-fault', { instance, order_id })
}
