import type { Delivered } from '../connect/delivered'
import type { StreamSpec } from '../provision/streams'
import { type Data, headerText, type SentHeaders } from '../runtime/envelope'
import { step } from '../runtime/failpoint'
import { isTooLarge, type JetStream, type StoredMessage } from '../runtime/nats/jetstream'

export const deadLetters: StreamSpec = {
  name: 'DLQ',
  subjects: ['dlq.>'],
  description: 'What could not be handled',
  maxAgeMs: 30 * 24 * 3_600_000,
}

const original = 'Dlq-Header-'

interface DeadLetter {
  name: string
  stream: string
  delivered: Delivered
  error: Error
  attempts: number
}

/**
 * Stores the message as it came, with why it is here; durable when it resolves, once for each message of a stream. Where
 * that is larger than the broker takes, only why is stored, since the stream still holds the message. Where the broker
 * knows its id, of a message with its number in a stream made anew or of a letter that was dropped, it gets another.
 */
export async function toDeadLetters(js: JetStream, { name, stream, delivered, error, attempts }: DeadLetter) {
  const { arrived, seq } = delivered
  const why = {
    'Dlq-Reason': headerText(error.message),
    'Dlq-Stack': headerText(JSON.stringify(error.stack ?? ''), 4_000),
    'Dlq-Attempts': String(attempts),
    'Dlq-Subject': arrived.subject,
    'Dlq-Stream': stream,
    'Dlq-Seq': String(seq),
    'Dlq-Time': new Date().toISOString(),
  }
  const publish = (id: string, data: Data, headers: SentHeaders) =>
    js.publish(`dlq.${name.replaceAll('/', '.')}`, data, { id, stream: deadLetters.name, headers })
  const store = (data: Data, headers: SentHeaders) =>
    step(`bury ${name}`, async () => {
      const id = `${name}:${stream}:${seq}`
      const { duplicate, seq: at } = await publish(id, data, headers)
      if (!duplicate || isSame(await js.read(deadLetters.name, { seq: at }), data, headers)) return
      await publish(`${id}:${delivered.storedAt}`, data, headers)
    })
  await store(arrived.data, { ...originals(delivered), ...why }).catch((error) => {
    if (!isTooLarge(error)) throw error
    return store(new Uint8Array(), { ...why, 'Dlq-Truncated': 'true' })
  })
}

/** Whether a letter is about the same message, whatever was its end this time. */
function isSame(letter: StoredMessage | undefined, data: Data, headers: SentHeaders): boolean {
  if (!letter || !Buffer.from(letter.data).equals(Buffer.from(data))) return false
  const ofMessage = (name: string) => name === 'Dlq-Subject' || name.startsWith(original)
  const names = new Set([...Object.keys(headers), ...Object.keys(letter.headers)].filter(ofMessage))
  return [...names].every((name) => [headers[name]].flat()[0] === letter.headers[name])
}

function originals({ arrived }: Delivered): SentHeaders {
  const kept: SentHeaders = {}
  try {
    for (const [name, values] of Object.entries(arrived.values())) kept[`${original}${name}`] = values
  } catch {
    kept[`${original}Malformed`] = 'true'
  }
  return kept
}
