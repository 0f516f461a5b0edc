import { setMaxListeners } from 'node:events'
import type { Delivered } from '../../connect/delivered'
import { Members } from '../../connect/members'
import { ensureConsumer } from '../../provision/consumers'
import { warnOfCrowd } from '../../provision/crowd'
import { consumerFor } from '../../provision/needs'
import { nonePending, saveFloor } from '../../provision/progress'
import { toDeadLetters } from '../../stores/dead_letter'
import { openLease } from '../../stores/lease'
import { messageKey } from '../../stores/tries'
import { sending } from '../failpoint'
import { type Incoming, invoke, type Judged, type LoadedFunction, type Outcome, type Returned } from '../invoke'
import { openPull } from '../nats/pull'
import type { Run } from '../run'
import { asIncoming, type Broker, type Running, sendAll } from './mode'
import { pause, pauseAway, pauseMs } from './pauses'

type Group = [Delivered, ...Delivered[]]

const saveFloorMs = 5_000
const lastChances = 3
const mostGathers = 5
const longestLaterMs = 30 * 24 * 3_600_000
// What the broker's count of nanoseconds holds with ease.
const mostPutOffMs = 3e12

/**
 * A JetStream durable consumer: at least once. Store, emit, ack, in that order: the message is done only when all that
 * its handler emitted is durable. `job` and `stream` share it; they differ in what the subject means.
 */
export async function startDurable(fn: LoadedFunction, broker: Broker): Promise<Running> {
  const { connection, js, marks, tries, manifest, ports, log } = broker
  const { name, policy } = fn.entry
  const spec = consumerFor(manifest, fn.entry)
  const { stream, name: consumer } = spec
  let created = ''
  const provision = async () => {
    const before = created
    const ensured = await ensureConsumer(js, spec, broker)
    created = ensured.created
    return ensured.acksHold && created === before
  }
  const running = new Members<Delivered>()
  const most = policy.batch ?? 1
  const ackStep = `ack ${name}`
  const maxAgeMs = policy.maxAgeMs ?? longestLaterMs
  const atOnce = policy.ordered ? 1 : policy.concurrency
  // One unacked message keeps the order by itself; of a batch one instance alone pulls, and what fails waits in place.
  const inOrder = policy.ordered && most > 1
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  const idlers: (() => void)[] = []
  let [settled, putOff, busy] = [0, 0, 0]
  let outOfOrder = false

  const handle = async (group: Group) => {
    try {
      if (!group.some(isSuspect)) return await work(group)
      const fresh: Delivered[] = []
      for (const one of [...group, undefined]) {
        if (one && !isSuspect(one)) fresh.push(one)
        else {
          if (fresh.length > 0) await work(fresh.splice(0) as Group)
          if (one) await workSuspect(one)
        }
      }
    } catch (error) {
      log.error({ function: name, seq: group[0].seq, err: error }, 'the message could not be settled; it comes again')
      for (const one of group) if (running.has(one)) handBack(one)
    } finally {
      for (const one of group) done(one)
    }
  }

  // Its deliveries tell that it may have killed its process each time; or it was put off, or stopped processes held it.
  const isSuspect = ({ attempt }: Delivered) => attempt > policy.maxDeliver
  const keyOf = ({ seq }: Delivered) => messageKey(consumer, created, seq)

  /** Looked at before the handler runs, so that a message which kills its process ends here too. */
  const workSuspect = async (one: Delivered): Promise<void> => {
    if ((await untilDone(() => tries.unended(keyOf(one)))) <= lastChances) return work([one])
    log.error({ function: name, seq: one.seq }, 'delivered too often without an end: to the dead letters')
    await bury(one, new Error(`delivered ${one.attempt} times without an end`), one.attempt - 1)
  }

  /** Tried again in its place while it cannot be done, so that nothing overtakes and no handler runs twice for it. */
  const untilDone = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (stopping.signal.aborted) throw error
        log.error({ function: name, err: error }, 'the dead letters or what is known of tries are away: tried again')
        await pauseAway(policy, attempt, stopping.signal)
      }
    }
  }

  const suspects = { gate: ports.gate, untilDone }
  const deliver = (returned: Returned) => sendAll(ports, returned)

  const done = (delivered: Delivered) => {
    if (!running.delete(delivered)) return
    settled++
    puller.freed()
    if (running.size === 0) for (const resolve of idlers.splice(0)) resolve()
  }

  /** A batch that did not return is handled again one by one, so that what is refused or fails takes no other with it. */
  const work = async (group: Group): Promise<void> => {
    if (outOfOrder) return group.forEach(handBack)
    const { outcome, run } = await judge(group)
    const alone = group.length > 1 && outcome.kind !== 'away'
    for (const one of group) {
      if (outcome.kind === 'returned') sending(ackStep, () => one.ack())
      else if (alone) await work([one])
      else await settle(one, outcome, run)
      done(one)
    }
  }

  /** Runs the handler and sends what it emitted; while something is away it waits here and burns no attempt. */
  const judge = async (group: Group): Promise<Judged> => {
    const incoming = group.map((one) => asIncoming(one.arrived, one, stream)) as [Incoming, ...Incoming[]]
    const run = (isAlone: boolean) => invoke(fn, incoming, ports, { deliver, isAlone })
    for (let attempt = 1; ; attempt++) {
      const judged = await (isSuspect(group[0]) ? tries.run(keyOf(group[0]), suspects, run) : run(false))
      if (judged.outcome.kind !== 'away') return judged
      log.warn({ ...judged.run.fields(ports.logged), reason: judged.outcome.error.message }, 'waiting for what is away')
      await pauseAway(policy, attempt, stopping.signal)
      if (stopping.signal.aborted) return judged
    }
  }

  const settle = async (delivered: Delivered, outcome: Exclude<Outcome, Returned>, run: Run): Promise<void> => {
    const { seq, attempt } = delivered
    const fields = { ...run.fields(ports.logged), seq, attempt }
    const tooOld = await untilDone(() => isTooOld(delivered))
    if (outcome.kind === 'away') return handBack(delivered)
    if (outcome.kind === 'later') {
      putOff++
      if (!tooOld) return again(delivered, Math.min(outcome.ms, mostPutOffMs))
      return bury(delivered, new Error(`came later until it was older than ${maxAgeMs} ms`), attempt)
    }
    if (outcome.kind === 'refused' && outcome.rejection.code !== 503) {
      log.warn({ ...fields, reason: outcome.rejection.message }, 'refused: to the dead letters')
      return bury(delivered, outcome.rejection, attempt)
    }
    const error = outcome.kind === 'refused' ? outcome.rejection : outcome.error
    const failures = await untilDone(() => tries.failed(keyOf(delivered)))
    const spent = failures >= policy.maxDeliver
    log.error({ ...fields, failures, err: error }, spent ? 'failed: to the dead letters' : 'failed: it comes again')
    if (spent) return bury(delivered, error, failures)
    await again(delivered, pauseMs(policy, failures))
  }

  /** Its age counts from when it was stored; from when it was first handled, where its function had been away until then. */
  const isTooOld = async (one: Delivered): Promise<boolean> => {
    const now = Date.now()
    if (now - one.storedAt <= maxAgeMs) return false
    return now - (await tries.since(keyOf(one), one.attempt === 1 ? now : one.storedAt)) > maxAgeMs
  }

  /** Handed back, or kept here where those after it must not come first. */
  const again = async (delivered: Delivered, ms: number): Promise<void> => {
    if (!inOrder) return delivered.nak(ms)
    await pause(ms, { signal: stopping.signal }).then(
      () => work([delivered]),
      () => handBack(delivered),
    )
  }

  /** To another instance, at once; in order those behind it follow it. */
  const handBack = (delivered: Delivered) => {
    outOfOrder = inOrder && stopping.signal.aborted
    delivered.nak()
  }

  const bury = async (delivered: Delivered, error: Error, attempts: number): Promise<void> => {
    await untilDone(() => toDeadLetters(js, { name, stream, delivered, error, attempts }))
    ports.observe.deadLettered(fn.entry)
    sending(ackStep, () => delivered.term())
  }

  const waiting: Delivered[] = []
  let gathering: NodeJS.Timeout | undefined
  let { gatherMs } = policy
  let gathered = gatherMs === undefined
  const begin = () => {
    while (busy < atOnce && waiting.length > 0) {
      if (!gathered && waiting.length < most) return gather()
      gathered = gatherMs === undefined
      clearTimeout(gathering)
      gathering = undefined
      busy++
      handle(waiting.splice(0, most) as Group).finally(() => {
        busy--
        begin()
      })
    }
  }

  const gather = (times = 1) => {
    gathering ??= setTimeout(() => {
      gathering = undefined
      // While a batch is handled the next grows, unless that one takes long: the busier, the fewer batches.
      if (busy > 0 && times < mostGathers) return gather(times + 1)
      gathered = true
      begin()
    }, gatherMs)
  }

  await provision()
  const turns = { before: (brokeAt: number) => nonePending(js, spec, brokeAt), after: () => puller.wake() }
  const lease = inOrder ? openLease(connection, js, consumer, turns) : undefined
  const alive = setInterval(() => {
    if (lease?.kept() !== false) for (const delivered of running.all()) delivered.working()
  }, policy.ackWaitMs / 3)
  const saving = setInterval(() => {
    if (putOff > 0 && !policy.ordered) void warnOfCrowd(js, spec, log)
    putOff = 0
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
      if (delivered.attempt > 1) ports.observe.redelivered(fn.entry)
      waiting.push(delivered)
      // After all that arrived together, so that it makes one batch.
      if (waiting.length === 1 || waiting.length === most) setImmediate(begin)
    },
    missing: provision,
  })

  return {
    async stop() {
      // What gathers already waits for nothing more.
      gatherMs = undefined
      gathered = true
      begin()
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
