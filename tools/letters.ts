import { hasCode } from '../connect/persist'
import type { Headers } from '../runtime/envelope'
import { configuration } from '../runtime/errors'
import type { Incoming } from '../runtime/invoke'
import { isMissing } from '../runtime/nats/jetstream'
import { historyOf } from './history'
import type { Link } from './system'

/** What could not be handled, and why. */
export interface Letter {
  /** Its sequence in the stream of the dead letters. */
  id: number
  function: string
  time: string
  attempts: number
  reason: string
  stack: string
  subject: string
  stream: string
  seq: number
  /** Its body was too large to be stored twice. */
  truncated: boolean
  /** As the message came with them. */
  headers: Headers
}

const stream = 'DLQ'
const original = 'Dlq-Header-'

/** All dead letters, or those of one function, oldest first, without their bodies. */
export async function* lettersOf(link: Link, name?: string): AsyncGenerator<Letter> {
  const filter = name && `dlq.${name.replaceAll('/', '.')}`
  try {
    for await (const { arrived, seq } of historyOf(link, { stream, filter, headersOnly: true })) {
      yield letterOf(seq, arrived.subject, arrived.headers())
    }
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

export interface Found {
  letter: Letter
  data: Uint8Array
}

/**
 * One dead letter with its original bytes: from the stream that it was in, where they were too many to be stored twice.
 * Undefined where it is not there, or no more.
 */
export async function findLetter({ js }: Link, text: string): Promise<Found | undefined> {
  const id = /^\d{1,15}$/.test(text) ? Number(text) : 0
  if (id === 0) return undefined
  const message = await stored(js, stream, id)
  if (!message) return undefined
  const letter = letterOf(id, message.subject, headersIn(message.hdrs))
  if (!letter.truncated) return { letter, data: Buffer.from(message.data ?? '', 'base64') }
  const first = await stored(js, letter.stream, letter.seq)
  if (!first) throw new Error(`its message, ${letter.stream} ${letter.seq}, is there no more`)
  return { letter: { ...letter, headers: headersIn(first.hdrs) }, data: Buffer.from(first.data ?? '', 'base64') }
}

export async function letterAt(link: Link, text: string): Promise<Found> {
  const found = await findLetter(link, text)
  if (!found) throw configuration(`ID: there is no dead letter ${text}; see node runtime dlq ls`)
  return found
}

interface StoredAs {
  subject: string
  data?: string
  hdrs?: string
}

async function stored(js: Link['js'], stream: string, seq: number): Promise<StoredAs | undefined> {
  try {
    return (await js.api<{ message: StoredAs }>(`STREAM.MSG.GET.${stream}`, { seq })).message
  } catch (error) {
    if (hasCode(error, noMessage, noStream)) return undefined
    throw error
  }
}

const noMessage = 10037
const noStream = 10059

/** One that another command has removed meanwhile is as removed as it should be. */
export async function removeLetter({ js }: Link, { id }: Letter): Promise<void> {
  await js.api(`STREAM.MSG.DELETE.${stream}`, { seq: id }).catch(async (error) => {
    if (await stored(js, stream, id)) throw error
  })
}

/** The message as its function first got it. */
export const asFirst = (letter: Letter, data: Uint8Array): Incoming => ({
  subject: letter.subject,
  data,
  headers: () => letter.headers,
  attempt: 1,
  seq: letter.seq,
  fallbackId: `${letter.stream}:${letter.seq}`,
})

function letterOf(id: number, subject: string, headers: Headers): Letter {
  const own = Object.entries(headers).filter(([name]) => name.startsWith(original))
  return {
    id,
    function: subject.slice('dlq.'.length).replaceAll('.', '/'),
    time: headers['Dlq-Time'] ?? '',
    attempts: Number(headers['Dlq-Attempts'] ?? 0),
    reason: headers['Dlq-Reason'] ?? '',
    stack: stackIn(headers['Dlq-Stack']),
    subject: headers['Dlq-Subject'] ?? '',
    stream: headers['Dlq-Stream'] ?? '',
    seq: Number(headers['Dlq-Seq'] ?? 0),
    truncated: headers['Dlq-Truncated'] === 'true',
    headers: Object.fromEntries(own.map(([name, value]) => [name.slice(original.length), value])),
  }
}

/** Stored as a JSON string, which may have been cut. */
function stackIn(text = ''): string {
  try {
    return JSON.parse(text)
  } catch {
    return text.replace(/^"/, '').replaceAll('\\n', '\n')
  }
}

function headersIn(base64 = ''): Headers {
  const lines = Buffer.from(base64, 'base64').toString().split('\r\n').slice(1)
  const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  return Object.fromEntries(pairs.filter(([name]) => name))
}
