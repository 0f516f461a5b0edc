import { openLog } from '../runtime/log'
import { type Delivered, openPull } from '../runtime/nats/pull'
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

/** What a stream holds now, in its order; read by a consumer of its own, so that no function's durable is touched. */
export async function* historyOf({ connection, js }: Link, which: Which): AsyncGenerator<Delivered> {
  const { stream, filter, fromSeq, since, headersOnly } = which
  const start = since
    ? { deliver_policy: 'by_start_time', opt_start_time: since }
    : fromSeq
      ? { deliver_policy: 'by_start_sequence', opt_start_seq: fromSeq }
      : { deliver_policy: 'all' }
  const config = {
    ...start,
    ack_policy: 'explicit',
    filter_subject: filter,
    headers_only: headersOnly,
    inactive_threshold: 30e9,
  }
  const { name, num_pending: count } = await js.api<{ name: string; num_pending: number }>(
    `CONSUMER.CREATE.${stream}`,
    {
      stream_name: stream,
      config,
    },
  )
  const arrived: Delivered[] = []
  let wake = () => {}
  const puller = openPull(connection, {
    stream,
    consumer: name,
    slots: atOnce,
    log: openLog('silent'),
    take(delivered) {
      // Acked at once: whoever dies reading begins anew.
      delivered.ack()
      arrived.push(delivered)
      wake()
    },
    missing: async () => {},
    patienceMs: 1,
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
        if (quiet && (await js.api<{ num_pending: number }>(`CONSUMER.INFO.${stream}.${name}`)).num_pending === 0)
          return
      }
      const next = arrived.shift() as Delivered
      puller.freed()
      yield next
    }
  } finally {
    await puller.stop()
    await js.api(`CONSUMER.DELETE.${stream}.${name}`).catch(() => undefined)
  }
}

const after = (ms: number) => new Promise<true>((resolve) => void setTimeout(() => resolve(true), ms).unref())
