import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureConsumer } from '../../provision/consumers'
import { consumerFor } from '../../provision/needs'
import { nonePending, saveFloor } from '../../provision/progress'
import { openLease } from '../../stores/lease'
import { sending } from '../failpoint'
import { type Incoming, invoke, type Judged, type LoadedFunction, outcomeOf } from '../invoke'
import type { Policy } from '../manifest'
import { type Delivered, openPull } from '../nats/pull'
import { countAttempts } from './attempts'
import { toDeadLetters } from './dead_letter'
import { asIncoming, type Broker, type Running } from './mode'

// What is away is asked for, not hammered; a longer pause would only outlast the outage.
const longestAwayMs = 2_000
const longestBackoffMs = 60_000
const saveFloorMs = 5_000
const lastChances = 3

/**
 * A JetStream durable consumer: at least once. Store, emit, ack, in that order: the message is done only when all that
 * its handler emitted is durable. `job` and `stream` share it; they differ in what the subject means.
 */
export async function startDurable(fn: LoadedFunction, broker: Broker): Promise<Running> {
  const { connection, js, marks, manifest, ports, log } = broker
  const { name, policy } = fn.entry
  const spec = consumerFor(manifest, fn.entry)
  const { stream, name: consumer } = spec
  let created = ''
  const provision = async () => {
    created = await ensureConsumer(js, spec, broker)
  }
  const running = new Set<Delivered>()
  const most = policy.batch ?? 1
  const atOnce = policy.ordered ? 1 : policy.concurrency
  // One unacked message keeps the order by itself; of a batch one instance alone pulls, and what fails waits in place.
  const inOrder = policy.ordered && most > 1
  const attempts = countAttempts(policy, inOrder)
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  const idlers: (() => void)[] = []
  let settled = 0

  const handle = async (group: [Delivered, ...Delivered[]]) => {
    try {
      // Looked at before the handler runs, so that a message which kills its process ends here too.
      const fresh: Delivered[] = []
      for (const one of group) {
        if (!attempts.spent(one)) fresh.push(one)
        else await broker.lone.wait(() => lastChance(one))
      }
      const [first, ...others] = fresh
      if (first) await work([first, ...others])
    } catch (error) {
      log.error({ function: name, seq: group[0].seq, err: error }, 'the message could not be settled; it comes again')
      for (const one of group) if (running.has(one)) one.nak(pauseMs(policy, 1))
    } finally {
      for (const one of group) done(one)
    }
  }

  /**
   * Delivered too often, but perhaps only since another message killed the process that held both: it runs alone, and
   * each such run is counted before it begins, so that one which kills its process again ends in the dead letters.
   */
  const lastChance = async (delivered: Delivered): Promise<void> => {
    if ((await marks.chance(consumer, delivered.seq)) <= lastChances) return work([delivered])
    log.error({ function: name, seq: delivered.seq }, 'delivered too often without an end: to the dead letters')
    const error = new Error(`delivered ${delivered.attempt} times without an end`)
    await bury(delivered, error, attempts.of(delivered) - 1)
  }

  const done = (delivered: Delivered) => {
    if (!running.delete(delivered)) return
    settled++
    puller.freed()
    if (running.size === 0) for (const resolve of idlers.splice(0)) resolve()
  }

  /** A batch that did not return is handled again one by one, so that what is refused or fails takes no other with it. */
  const work = async (group: [Delivered, ...Delivered[]]): Promise<void> => {
    const judged = await judge(group)
    const alone = group.length > 1 && judged.outcome.kind !== 'returned' && judged.outcome.kind !== 'away'
    for (const one of group) {
      if (alone) await work([one])
      else await settle(one, judged)
      done(one)
    }
  }

  /** Runs the handler and sends what it emitted; while something is away it waits here and burns no attempt. */
  const judge = async (group: [Delivered, ...Delivered[]]): Promise<Judged> => {
    for (let tries = 1; ; tries++) {
      const judged = await runOnce(group)
      if (judged.outcome.kind !== 'away') return judged
      log.warn({ ...judged.fields, reason: judged.outcome.error.message }, 'waiting for what is away')
      await sleep(Math.min(pauseMs(policy, tries), longestAwayMs), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      )
      if (stopping.signal.aborted) return judged
    }
  }

  const runOnce = async (group: [Delivered, ...Delivered[]]): Promise<Judged> => {
    const incoming = group.map((one) => {
      const { arrived, seq } = one
      return { ...asIncoming(arrived), attempt: attempts.of(one), seq, fallbackId: `${stream}:${seq}` }
    }) as [Incoming, ...Incoming[]]
    const judged = await invoke(fn, incoming, ports)
    if (judged.outcome.kind !== 'returned') return judged
    try {
      await Promise.all(judged.outcome.emitted.map((emission) => ports.send(emission)))
      return judged
    } catch (error) {
      return { ...judged, outcome: outcomeOf(error) }
    }
  }

  const settle = async (delivered: Delivered, { outcome, fields: about }: Judged): Promise<void> => {
    const attempt = attempts.of(delivered)
    const fields = { ...about, seq: delivered.seq, attempt }
    if (outcome.kind === 'returned') {
      attempts.forget(delivered)
      return sending(`ack ${name}`, delivered.ack)
    }
    if (outcome.kind === 'away') return delivered.nak()
    if (outcome.kind === 'later') {
      attempts.later(delivered)
      if (attempts.tooOld(delivered)) {
        return bury(delivered, new Error(`came later until it was older than ${policy.maxAgeMs} ms`), attempt)
      }
      return again(delivered, outcome.ms)
    }
    if (outcome.kind === 'refused' && outcome.rejection.code !== 503) {
      log.warn({ ...fields, reason: outcome.rejection.message }, 'refused: to the dead letters')
      return bury(delivered, outcome.rejection, attempt)
    }
    const error = outcome.kind === 'refused' ? outcome.rejection : outcome.error
    const spent = attempts.failed(delivered)
    log.error({ ...fields, err: error }, spent ? 'failed: to the dead letters' : 'failed: it comes again')
    if (spent) return bury(delivered, error, attempt)
    await again(delivered, pauseMs(policy, attempt))
  }

  /** Handed back, or kept here where those after it must not come first. */
  const again = async (delivered: Delivered, ms: number): Promise<void> => {
    if (!inOrder) return delivered.nak(ms)
    const waited = sleep(ms, undefined, { signal: stopping.signal })
    await waited.then(
      () => work([delivered]),
      () => delivered.nak(),
    )
  }

  const bury = async (delivered: Delivered, error: Error, tries: number): Promise<void> => {
    await toDeadLetters(js, { name, stream, delivered, error, attempts: tries })
    ports.observe.deadLettered(fn.entry)
    attempts.forget(delivered)
    sending(`ack ${name}`, delivered.term)
  }

  const waiting: Delivered[] = []
  let busy = 0
  const begin = () => {
    while (busy < atOnce && waiting.length > 0) {
      busy++
      handle(waiting.splice(0, most) as [Delivered, ...Delivered[]]).finally(() => {
        busy--
        begin()
      })
    }
  }

  await provision()
  const turns = { before: (brokeAt: number) => nonePending(js, spec, brokeAt), after: () => puller.wake() }
  const lease = inOrder ? openLease(connection, js, consumer, turns) : undefined
  const alive = setInterval(() => {
    if (lease?.kept() !== false) for (const delivered of running) delivered.working()
  }, policy.ackWaitMs / 3)
  const saving = setInterval(() => {
    if (settled === 0) return
    settled = 0
    saveFloor(js, spec, created, marks).catch((error) => log.debug({ err: error, consumer }, 'its floor was not saved'))
  }, saveFloorMs)
  const puller = openPull(connection, {
    stream,
    consumer,
    slots: atOnce * most,
    may: lease?.held,
    patienceMs: Math.min(2_000, broker.drainMs / 2),
    log,
    take(delivered) {
      running.add(delivered)
      waiting.push(delivered)
      // After all that arrived together, so that it makes one batch.
      if (waiting.length === 1) setImmediate(begin)
    },
    missing: provision,
  })

  return {
    async stop() {
      await puller.stop()
      // Only now, since what is handed back while a pull is open would come here again.
      stopping.abort()
      if (running.size > 0) await new Promise<void>((resolve) => idlers.push(resolve))
      clearInterval(alive)
      clearInterval(saving)
      await lease?.end()
    },
  }
}

/** As listed, or doubling from the first on; with up to a quarter of jitter, so that a crowd does not come back as one. */
function pauseMs({ backoffMs }: Policy, attempt: number): number {
  const pause = Array.isArray(backoffMs)
    ? (backoffMs[Math.min(attempt, backoffMs.length) - 1] as number)
    : Math.min(longestBackoffMs, backoffMs * 2 ** Math.min(attempt - 1, 30))
  return pause * (1 + Math.random() / 4)
}
