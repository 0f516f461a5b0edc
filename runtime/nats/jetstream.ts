import { electionMs, hasCode, persist } from '../../connect/persist'
import { directBody, directRead, leaderRead } from '../../stores/read'
import { type Data, type Headers, messageId, type SentHeaders, textOf } from '../envelope'
import type { Arrived } from './connection'
import type { Ask } from './mux'

export interface PubAck {
  seq: number
  duplicate: boolean
}

export interface StoredMessage {
  seq: number
  data: Data
  headers: Headers
}

export interface JetStream {
  /** One call of the management API, tried again while the server has no leader. */
  api<T>(subject: string, body?: object, budgetMs?: number): Promise<T>
  /**
   * Durable when it resolves. Tried again with the same id and expectations for `budgetMs`, since an election takes
   * 4 to 9 s; then `away`, outcome unknown.
   */
  publish(subject: string, data: Data, options: PublishOptions): Promise<PubAck>
  /** Reads one stored message: by sequence, or the last of a subject. */
  read(stream: string, which: Which, budgetMs?: number): Promise<StoredMessage | undefined>
  /** The body alone of the last message of a subject, which is cheaper. */
  readBody(stream: string, subject: string, budgetMs?: number): Promise<Data | undefined>
}

export type Which = { seq: number } | { last_by_subj: string }

export interface PublishOptions {
  headers?: SentHeaders
  id?: string
  stream?: string
  /** Refused with `isConflict` unless this is the stream's (or the subject's) last sequence. */
  lastSeq?: number
  lastSubjectSeq?: number
  budgetMs?: number
}

// While a leader is elected nobody answers, and to ask again changes nothing.
const askMs = 2_000

/** `leaderReads`: on a cluster a replica may answer a direct read with an older value, however many this process wants. */
export function openJetStream(ask: Ask, { leaderReads }: { leaderReads: boolean }): JetStream {
  const api = <T>(subject: string, body: object = {}, budgetMs = electionMs): Promise<T> =>
    persist(budgetMs, async (timeoutMs) => {
      const answer = await ask(`$JS.API.${subject}`, JSON.stringify(body), { timeoutMs: Math.min(askMs, timeoutMs) })
      return parsed<T>(answer.data, subject)
    })

  const ackFrom = ({ data, subject }: Arrived): PubAck => {
    const { seq, duplicate } = parsed<PubAck>(data, subject)
    return { seq, duplicate: duplicate === true }
  }

  return {
    api,

    publish(subject, data, { headers = {}, id, stream, lastSeq, lastSubjectSeq, budgetMs = electionMs }) {
      const sent: SentHeaders = Object.assign({}, headers)
      if (id !== undefined) sent[messageId] = id
      if (stream !== undefined) sent['Nats-Expected-Stream'] = stream
      if (lastSeq !== undefined) sent['Nats-Expected-Last-Sequence'] = String(lastSeq)
      if (lastSubjectSeq !== undefined) sent['Nats-Expected-Last-Subject-Sequence'] = String(lastSubjectSeq)
      return persist(budgetMs, (timeoutMs) => ask(subject, data, { timeoutMs, headers: sent }).then(ackFrom))
    },

    read: (stream, which, budgetMs) =>
      leaderReads ? leaderRead(api, stream, which, budgetMs) : directRead(ask, stream, which, budgetMs),

    readBody: async (stream, subject, budgetMs) =>
      leaderReads
        ? (await leaderRead(api, stream, { last_by_subj: subject }, budgetMs))?.data
        : directBody(ask, stream, subject, budgetMs),
  }
}

export const isConflict = (error: unknown): boolean => hasCode(error, 10071, 10164)
export const isTooLarge = (error: unknown): boolean =>
  (error as { code?: unknown } | undefined)?.code === 'MAX_PAYLOAD_EXCEEDED' || hasCode(error, 10054, 10097)
export const isMissing = (error: unknown): boolean => hasCode(error, 10059, 10014)

function parsed<T>(data: Data, subject: string): T {
  let answer: T & { error?: { code: number; err_code?: number; description?: string } }
  try {
    answer = JSON.parse(textOf(data))
  } catch {
    throw new Error(`the answer on ${subject} is not JetStream's: ${textOf(data).slice(0, 100)}`)
  }
  if (!answer.error) return answer
  const { code, err_code: errCode = 0, description = 'no description' } = answer.error
  throw Object.assign(new Error(`${description} (${errCode})`), { code, errCode })
}
