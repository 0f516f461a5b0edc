import { firstOf } from '../connect/headers'
import { attemptMs, hasCode, persist } from '../connect/persist'
import type { JetStream, StoredMessage, Which } from '../runtime/nats/jetstream'
import type { Ask } from '../runtime/nats/mux'

type Read = Promise<StoredMessage | undefined>

export async function directRead(ask: Ask, stream: string, which: Which, budgetMs = attemptMs): Read {
  const subject = `$JS.API.DIRECT.GET.${stream}`
  // Said in the subject, the server need not parse it.
  const [asked, data] = 'seq' in which ? [subject, JSON.stringify(which)] : [`${subject}.${which.last_by_subj}`, '']
  const answer = await persist(Math.min(attemptMs, budgetMs), (timeoutMs) => ask(asked, data, { timeoutMs }))
  if (answer.status() >= 400) {
    if (answer.status() === 404) return undefined
    throw new Error(`reading ${stream}: status ${answer.status()}`)
  }
  const headers = answer.headers()
  return { seq: Number(headers['Nats-Sequence']), data: answer.data, headers }
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
