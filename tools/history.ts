import { randomUUID } from 'node:crypto'
import type { Delivered } from '../connect/delivered'
import { hasCode } from '../connect/persist'
import { openLog } from '../observe/log'
import { openPull } from '../runtime/nats/pull'
import type { Link } from './system'

interface Which {
  stream: string
  /** All that the stream holds without it. */
  filter?: string
  fromSeq?: number
  /** ISO 8601. */
  since?: string
  headersOnly?: boolean
}

const atOnce = 256
const quietMs = 3_000
// Longer than a handler of what was read may take: nothing is asked for meanwhile.
const forgottenMs = 600_000

/** What a stream holds now, in its order; read by a consumer of its own, so that no function's durable is touched. */
export async function* historyOf({ connection, js }: Link, which: Which): AsyncGenerator<Delivered> {
  const reader = openReader(js, which)
  const count = await reader.begin()
  const arrived: Delivered[] = []
  let wake = () => {}
  let linked = true
  const puller = openPull(connection, {
    stream: which.stream,
    consumer: reader.name,
    slots: atOnce,
    log: openLog('silent'),
    may: () => linked,
    take(delivered) {
      // Acked at once: whoever dies reading begins anew.
      delivered.ack()
      reader.took(delivered)
      arrived.push(delivered)
      wake()
    },
    // After a broken link it begins anew by itself, below.
    async missing() {
      if (linked) await reader.resume()
      return false
    },
    patienceMs: 1,
  })
  // What was sent into a broken link would come again, but after what is newer.
  const unlisten = connection.onStatus((status) => {
    linked = false
    if (status !== 'reconnected') return
    const again = reader.end().then(reader.resume)
    again
      .catch(() => undefined)
      .finally(() => {
        linked = true
        puller.wake()
      })
  })
  try {
    for (let read = 0; read < count; read++) {
      while (arrived.length === 0) {
        const quiet = await Promise.race([
          new Promise<false>((resolve) => {
            wake = () => resolve(false)
          }),
          after(quietMs),
        ])
        // What expired since the count was taken never comes.
        if (quiet && (await reader.pending()) === 0) return
      }
      const next = arrived.shift() as Delivered
      puller.freed()
      yield next
    }
  } finally {
    unlisten()
    await puller.stop()
    await reader.end()
  }
}

/** The consumer of one reading; one that has vanished goes on behind what was read. */
function openReader(js: Link['js'], { stream, filter, fromSeq, since, headersOnly }: Which) {
  const name = `read_${randomUUID()}`
  let last = (fromSeq ?? 1) - 1
  const make = (start: object) =>
    js.api<{ num_pending: number }>(`CONSUMER.CREATE.${stream}.${name}`, {
      stream_name: stream,
      config: {
        ...start,
        name,
        ack_policy: 'explicit',
        filter_subject: filter,
        headers_only: headersOnly,
        inactive_threshold: forgottenMs * 1e6,
      },
    })
  const begin = async () => {
    const first = since && last === 0 ? { deliver_policy: 'by_start_time', opt_start_time: since } : undefined
    const { num_pending } = await make(first ?? { deliver_policy: 'by_start_sequence', opt_start_seq: last + 1 })
    return num_pending
  }
  /** Undefined where it is not there. */
  const pending = async () => {
    try {
      return (await js.api<{ num_pending: number }>(`CONSUMER.INFO.${stream}.${name}`)).num_pending
    } catch (error) {
      if (hasCode(error, noConsumer)) return undefined
      throw error
    }
  }
  return {
    name,
    begin,
    pending,
    took: ({ seq }: Delivered) => {
      last = seq
    },
    async resume() {
      if ((await pending()) === undefined) await begin()
    },
    end: () => js.api(`CONSUMER.DELETE.${stream}.${name}`).catch(() => undefined),
  }
}

const noConsumer = 10014

const after = (ms: number) => new Promise<true>((resolve) => void setTimeout(() => resolve(true), ms).unref())
