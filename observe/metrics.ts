import { consumerName, type FunctionEntry, isDurable, streamOf } from '../runtime/manifest'
import type { Ending, Observer } from './observer'
import type { Watched } from './observing'

export interface Metrics {
  observer: Observer
  /** What Prometheus reads; what the broker does not tell in time is left out. */
  read(): Promise<{ contentType: string; text: string }>
}

const askMs = 1_000
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const endings: Ending[] = ['returned', 'refused', 'failed', 'away', 'later']

/** Labels are the names of functions and modes and the ways to end, so their number is bounded by the manifest. */
export async function openMetrics({ js, manifest, entries }: Watched): Promise<Metrics> {
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = await import('prom-client')
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })

  const handled = new Counter({
    name: 'functions_handled_total',
    help: 'Runs of a handler that have ended, by how they ended.',
    labelNames: ['function', 'mode', 'ending'],
    registers,
  })
  const duration = new Histogram({
    name: 'functions_duration_seconds',
    help: 'From the beginning of a run to its end, waiting included.',
    labelNames: ['function'],
    buckets: seconds,
    registers,
  })
  const inFlight = new Gauge({
    name: 'functions_in_flight',
    help: 'Runs under way.',
    labelNames: ['function'],
    registers,
  })
  const redelivered = new Counter({
    name: 'functions_redelivered_total',
    help: 'Deliveries of messages that had been delivered before.',
    labelNames: ['function'],
    registers,
  })
  const deadLetters = new Counter({
    name: 'functions_dead_letters_total',
    help: 'Messages that this process gave up.',
    labelNames: ['function'],
    registers,
  })
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

  // Bound once for each function: a message then costs no search for its labels.
  const bind = ({ name, mode }: FunctionEntry) => ({
    handled: Object.fromEntries(endings.map((ending) => [ending, handled.labels(name, mode, ending)])),
    duration: duration.labels(name),
    inFlight: inFlight.labels(name),
    redelivered: redelivered.labels(name),
    deadLetters: deadLetters.labels(name),
  })
  const bound = new Map<string, ReturnType<typeof bind>>()
  const of = (entry: FunctionEntry) => {
    const known = bound.get(entry.name)
    if (known) return known
    const made = bind(entry)
    // Begun at zero, so that a rate is known from the first one on.
    for (const one of [...Object.values(made.handled), made.inFlight, made.redelivered, made.deadLetters]) one.inc(0)
    bound.set(entry.name, made)
    return made
  }

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
        of(run.entry).inFlight.inc()
      },
      ended({ entry }, ending, ms) {
        const { handled, duration, inFlight } = of(entry)
        handled[ending]?.inc()
        duration.observe(ms / 1_000)
        inFlight.dec()
      },
      deadLettered: (entry) => of(entry).deadLetters.inc(),
      redelivered: (entry) => of(entry).redelivered.inc(),
    },
    async read() {
      for (const entry of entries()) of(entry)
      await Promise.race([askBroker(), new Promise((resolve) => void setTimeout(resolve, askMs).unref())])
      return { contentType: register.contentType, text: await register.metrics() }
    },
  }
}
