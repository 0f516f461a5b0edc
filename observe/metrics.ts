import { consumerName, type FunctionEntry, isDurable, streamOf } from '../runtime/manifest'
import type { Ending, Observer } from './observer'
import type { Watched } from './observing'

export interface Metrics {
  observer: Observer
  /** What Prometheus reads; what the broker does not tell in time is left out. */
  read(): Promise<{ contentType: string; text: string }>
}

const askMs = 1_000
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const endings: Ending[] = ['returned', 'refused', 'failed', 'away', 'later']

/** Labels are the names of functions and modes and the ways to end, so their number is bounded by the manifest. */
export async function openMetrics({ js, manifest, entries }: Watched): Promise<Metrics> {
  const { Counter, Gauge, Registry, collectDefaultMetrics } = await import('prom-client')
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })

  // Kept as plain numbers, and handed to the library when somebody reads: its own adding looks labels up each time.
  const sums = new Map<string, Sum>()
  const of = (entry: FunctionEntry): Sum => {
    const known = sums.get(entry.name)
    if (known) return known
    const made = newSum(entry)
    sums.set(entry.name, made)
    return made
  }
  const summed = (name: string, help: string, kind: typeof Counter | typeof Gauge, value: (sum: Sum) => number) =>
    new kind({
      name,
      help,
      labelNames: ['function'],
      registers,
      collect() {
        this.reset()
        for (const [name, sum] of sums) this.inc({ function: name }, value(sum))
      },
    })

  new Counter({
    name: 'functions_handled_total',
    help: 'Runs of a handler that have ended, by how they ended.',
    labelNames: ['function', 'mode', 'ending'],
    registers,
    collect() {
      this.reset()
      for (const [name, { mode, handled }] of sums) {
        for (const ending of endings) this.inc({ function: name, mode, ending }, handled[ending])
      }
    },
  })
  register.registerMetric(durations(sums) as never)
  summed('functions_in_flight', 'Runs under way.', Gauge, (sum) => sum.inFlight)
  summed(
    'functions_redelivered_total',
    'Deliveries of messages that had been delivered before.',
    Counter,
    (sum) => sum.redelivered,
  )
  summed('functions_dead_letters_total', 'Messages that this process gave up.', Counter, (sum) => sum.deadLetters)
  const pending = new Gauge({
    name: 'functions_pending',
    help: 'Messages of the stream that the durable has not delivered yet, in all processes.',
    labelNames: ['function'],
    registers,
  })
  const unacked = new Gauge({
    name: 'functions_unacked',
    help: 'Messages that are delivered and not done, in all processes.',
    labelNames: ['function'],
    registers,
  })
  const stored = new Gauge({ name: 'functions_dead_letters_stored', help: 'Dead letters in the stream.', registers })

  const askBroker = async () => {
    pending.reset()
    unacked.reset()
    const durables = entries().filter(isDurable)
    const asked = durables.map(async (entry) => {
      const found = streamOf(manifest, entry.subject as string)
      const subject = `CONSUMER.INFO.${found?.stream}.${consumerName(entry.name)}`
      const info = await js.api<{ num_pending: number; num_ack_pending: number }>(subject, {}, askMs)
      pending.labels(entry.name).set(info.num_pending)
      unacked.labels(entry.name).set(info.num_ack_pending)
    })
    const counted = js.api<{ state: { messages: number } }>('STREAM.INFO.DLQ', {}, askMs)
    await Promise.allSettled([...asked, counted.then(({ state }) => stored.set(state.messages))])
  }

  return {
    observer: {
      began(run) {
        of(run.entry).inFlight++
      },
      ended({ entry }, ending, ms) {
        const sum = of(entry)
        sum.handled[ending]++
        sum.inFlight--
        sum.seconds += ms / 1_000
        const found = bounds.findIndex((bound) => ms / 1_000 <= bound)
        const bucket = found < 0 ? bounds.length : found
        sum.buckets[bucket] = (sum.buckets[bucket] ?? 0) + 1
      },
      deadLettered(entry) {
        of(entry).deadLetters++
      },
      redelivered(entry) {
        of(entry).redelivered++
      },
    },
    async read() {
      for (const entry of entries()) of(entry)
      await Promise.race([askBroker(), new Promise((resolve) => void setTimeout(resolve, askMs).unref())])
      return { contentType: register.contentType, text: await register.metrics() }
    },
  }
}

/** What one function has done in this process. */
interface Sum {
  mode: string
  handled: Record<Ending, number>
  inFlight: number
  redelivered: number
  deadLetters: number
  /** How many runs ended within each bound and beyond the one before; the last within none. */
  buckets: number[]
  seconds: number
}

const newSum = ({ mode }: FunctionEntry): Sum => ({
  mode,
  handled: { returned: 0, refused: 0, failed: 0, away: 0, later: 0 },
  inFlight: 0,
  redelivered: 0,
  deadLetters: 0,
  buckets: Array(bounds.length + 1).fill(0),
  seconds: 0,
})

/** A histogram as the library reads one. */
function durations(sums: Map<string, Sum>) {
  const name = 'functions_duration_seconds'
  const help = 'From the beginning of a run to its end, waiting included.'
  const valuesOf = ([of, { buckets, seconds }]: [string, Sum]) => {
    let within = 0
    const labels = { function: of }
    const counted = buckets.map((count, index) => {
      within += count
      return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf', ...labels }, value: within }
    })
    return [
      ...counted,
      { metricName: `${name}_sum`, labels, value: seconds },
      { metricName: `${name}_count`, labels, value: within },
    ]
  }
  return {
    name,
    get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: [...sums].flatMap(valuesOf) }),
  }
}
