import { randomUUID } from 'node:crypto'
import packageJson from '../package.json'
import { encode } from '../runtime/envelope'
import { consumerName, type FunctionEntry } from '../runtime/manifest'
import type { Observer } from './observer'
import type { Watched } from './observing'

interface Sum {
  requests: number
  errors: number
  lastError: string
  ms: number
}

const type = 'io.nats.micro.v1.'

/**
 * NATS's micro protocol (ADR-32), one service for each function, so that `nats micro ls`, `info` and `stats` show them.
 * It is our own since the client's services take the time of a handler until it first awaits.
 */
export function openServices({ connection, entries }: Watched): { observer: Observer; stop(): Promise<void> } {
  const process = randomUUID().replaceAll('-', '').slice(0, 12)
  const started = new Date().toISOString()
  const sums = new Map<string, Sum>()

  const sumOf = (name: string): Sum => {
    const sum = sums.get(name) ?? { requests: 0, errors: 0, lastError: '', ms: 0 }
    sums.set(name, sum)
    return sum
  }
  const identity = (entry: FunctionEntry) => ({
    name: consumerName(entry.name),
    id: `${process}${consumerName(entry.name)}`,
    version: packageJson.version,
    metadata: { function: entry.name, mode: entry.mode, file: entry.file },
  })
  const endpoint = ({ name, mode, subject = mode, queue = '' }: FunctionEntry) => ({
    name: consumerName(name),
    subject,
    queue_group: queue,
  })
  const answers: Record<string, (entry: FunctionEntry) => object> = {
    PING: (entry) => ({ type: `${type}ping_response`, ...identity(entry) }),
    INFO: (entry) => ({
      type: `${type}info_response`,
      ...identity(entry),
      description: [entry.mode, entry.subject].filter(Boolean).join(' '),
      endpoints: [{ ...endpoint(entry), metadata: {} }],
    }),
    STATS(entry) {
      const { requests, errors, lastError, ms } = sumOf(entry.name)
      const time = Math.round(ms * 1e6)
      const stats = {
        ...endpoint(entry),
        num_requests: requests,
        num_errors: errors,
        last_error: lastError,
        processing_time: time,
        average_processing_time: requests > 0 ? Math.round(time / requests) : 0,
      }
      return { type: `${type}stats_response`, ...identity(entry), started, endpoints: [stats] }
    },
  }

  const subscription = connection.subscribe('$SRV.>', ({ subject, reply }) => {
    const [, verb = '', name, id, ...more] = subject.split('.')
    const answer = Object.hasOwn(answers, verb) ? answers[verb] : undefined
    if (!reply || !answer || more.length > 0) return
    for (const entry of entries()) {
      const own = identity(entry)
      if ((name && name !== own.name) || (id && id !== own.id)) continue
      connection.publish(reply, encode(answer(entry)))
    }
  })

  return {
    observer: {
      ended({ entry }, ending, ms, error) {
        const sum = sumOf(entry.name)
        sum.requests++
        sum.ms += ms
        if (ending === 'returned' || ending === 'later') return
        sum.errors++
        sum.lastError = (error?.message ?? ending).slice(0, 200)
      },
    },
    stop: () => subscription.drain(),
  }
}
