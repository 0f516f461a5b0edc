import { firstOf } from '../connect/headers'
import { attemptMs, hasCode, persist } from '../connect/persist'
import type { Data } from '../runtime/envelope'
import type { Arrived } from '../runtime/nats/connection'
import type { JetStream, StoredMessage, Which } from '../runtime/nats/jetstream'
import type { Ask } from '../runtime/nats/mux'

type Read = Promise<StoredMessage | undefined>
type Body = Promise<Data | undefined>

const badRequest = 408
/** Links to servers before 2.12, which take no body where the subject is in the subject. */
const old = new WeakSet<Ask>()

export async function directRead(ask: Ask, stream: string, which: Which, budgetMs = attemptMs): Read {
  // Said in the subject, the server need not parse it.
  const [more, data] = 'seq' in which ? ['', JSON.stringify(which)] : [`.${which.last_by_subj}`, '']
  const answer = await answerTo(ask, stream + more, data, budgetMs)
  if (!found(answer, stream)) return undefined
  const headers = answer.headers()
  return { seq: Number(headers['Nats-Sequence']), data: answer.data, headers }
}

/** Without the headers, since a server writes each of four anew, which took a quarter of its time for a read. */
export async function directBody(ask: Ask, stream: string, subject: string, budgetMs?: number): Body {
  const withoutHeaders = old.has(ask) ? '' : '{"no_hdr":true}'
  const answer = await answerTo(ask, `${stream}.${subject}`, withoutHeaders, budgetMs)
  if (withoutHeaders && answer.status() === badRequest) {
    old.add(ask)
    return directBody(ask, stream, subject, budgetMs)
  }
  return found(answer, stream) ? answer.data : undefined
}

const answerTo = (ask: Ask, asked: string, data: string, budgetMs = attemptMs): Promise<Arrived> =>
  persist(Math.min(attemptMs, budgetMs), (timeoutMs) => ask(`$JS.API.DIRECT.GET.${asked}`, data, { timeoutMs }))

function found(answer: Arrived, stream: string): boolean {
  const status = answer.status()
  if (status >= 400 && status !== 404) throw new Error(`reading ${stream}: status ${status}`)
  return status < 400
}

/** What a replica may not know yet. */
export async function leaderRead(api: JetStream['api'], stream: string, which: Which, budgetMs?: number): Read {
  type Found = { message: { seq: number; data?: string; hdrs?: string } }
  try {
    const { message } = await api<Found>(`STREAM.MSG.GET.${stream}`, which, budgetMs)
    return {
      seq: message.seq,
      data: Buffer.from(message.data ?? '', 'base64'),
      headers: firstOf(Buffer.from(message.hdrs ?? '', 'base64').toString()),
    }
  } catch (error) {
    if (hasCode(error, 10037)) return undefined
    throw error
  }
}
