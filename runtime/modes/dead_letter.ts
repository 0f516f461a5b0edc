import type { StreamSpec } from '../../provision/streams'
import { type Headers, headerText } from '../envelope'
import { step } from '../failpoint'
import { isTooLarge, type JetStream } from '../nats/jetstream'
import type { Delivered } from '../nats/pull'

export const deadLetters: StreamSpec = {
  name: 'DLQ',
  subjects: ['dlq.>'],
  description: 'What could not be handled',
  maxAgeMs: 30 * 24 * 3_600_000,
}

interface DeadLetter {
  name: string
  stream: string
  delivered: Delivered
  error: Error
  attempts: number
}

/**
 * Stores the message as it came, with why it is here; durable when it resolves, once for each message of a stream. Where
 * that is larger than the broker takes, only why is stored, since the stream still holds the message.
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
  const store = (data: Uint8Array, headers: Headers) =>
    step(`bury ${name}`, () =>
      js.publish(`dlq.${name.replaceAll('/', '.')}`, data, {
        id: `${name}:${stream}:${seq}`,
        stream: deadLetters.name,
        headers,
      }),
    )
  await store(arrived.data, { ...originals(delivered), ...why }).catch((error) => {
    if (!isTooLarge(error)) throw error
    return store(new Uint8Array(), { ...why, 'Dlq-Truncated': 'true' })
  })
}

function originals({ arrived }: Delivered): Headers {
  const kept: Headers = {}
  try {
    for (const [name, value] of Object.entries(arrived.headers())) kept[`Dlq-Header-${name}`] = value
  } catch {
    kept['Dlq-Header-Malformed'] = 'true'
  }
  return kept
}
