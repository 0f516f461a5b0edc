import { type Headers, headerText } from '../envelope'
import type { JetStream } from '../nats/jetstream'
import type { StreamSpec } from '../nats/provision'
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
  reason: string
  attempts: number
}

/** Stores the message as it came, with why it is here; durable when it resolves, once for each message of a stream. */
export async function toDeadLetters(js: JetStream, { name, stream, delivered, reason, attempts }: DeadLetter) {
  const { arrived, seq } = delivered
  await js.publish(`dlq.${name.replaceAll('/', '.')}`, arrived.data, {
    id: `${name}:${stream}:${seq}`,
    stream: deadLetters.name,
    headers: {
      ...originals(delivered),
      'Dlq-Reason': headerText(reason),
      'Dlq-Attempts': String(attempts),
      'Dlq-Subject': arrived.subject,
      'Dlq-Stream': stream,
      'Dlq-Seq': String(seq),
      'Dlq-Time': new Date().toISOString(),
    },
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
