import { enums, is, type } from 'superstruct'
import type { PaymentService } from '../_environment'
import { text } from '../_fields'
import type { Captured, Declined, Due, PaymentProvider, Voided } from './_provider'

/** The HTTP status of each answer that decides: it and the body have to agree, since a proxy on the way says 200 and 402 too. */
const answers = {
  capture: { captured: 200, declined: 402, voided: 410 },
  void: { captured: 200, voided: 200 },
  refund: { refunded: 200 },
} satisfies Record<string, Record<string, number>>

type Call = keyof typeof answers
type Answer = Captured | Declined | Voided | { kind: 'refunded' }
type AnswerTo<C extends Call> = Extract<Answer, { kind: keyof (typeof answers)[C] }>

const Status = type({ status: enums(['captured', 'declined', 'voided', 'refunded']) })
const PaymentId = type({ payment_id: text(1, 128) })

/** A payment service over HTTP, as docs/payment.md describes it; whatever is no clear answer throws. */
export function httpProvider(service: PaymentService): PaymentProvider {
  return {
    capture: ({ key, ...body }, signal) => put('capture', `/payments/${encodeURIComponent(key)}`, body, signal),
    void: ({ key, ...body }, signal) => put('void', `/payments/${encodeURIComponent(key)}/void`, body, signal),
    async refund({ key, ...body }, signal) {
      await put('refund', `/payments/${encodeURIComponent(key)}/refund`, body, signal)
    },
  }

  async function put<C extends Call>(call: C, path: string, body: Omit<Due, 'key'>, signal: AbortSignal) {
    const told = await exchange(service, path, body, signal).catch((error) => {
      throw new Error(`${call}: the payment service gave no answer: ${reasonOf(error)}`, { cause: error })
    })
    const answer = answerOf(call, told)
    if (!answer) throw new Error(`${call}: the payment service's answer decides nothing: HTTP status ${told.status}`)
    return answer
  }
}

interface Told {
  status: number
  text: string
}

async function exchange(service: PaymentService, path: string, body: object, signal: AbortSignal): Promise<Told> {
  const { url, token, timeoutMs } = service
  const response = await fetch(`${url}${path}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    // Money goes where it was configured to go, or nowhere.
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  })
  return { status: response.status, text: await response.text() }
}

function answerOf<C extends Call>(call: C, { status, text }: Told): AnswerTo<C> | undefined {
  const body = parsed(text)
  const statuses: Record<string, number> = answers[call]
  if (!is(body, Status) || statuses[body.status] !== status) return undefined
  if (body.status !== 'captured') return { kind: body.status } as AnswerTo<C>
  return is(body, PaymentId) ? ({ kind: 'captured', payment_id: body.payment_id } as AnswerTo<C>) : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What `fetch` hides behind its own error. */
const reasonOf = ({ cause, message }: Error): string => (cause instanceof Error && cause.message) || message
