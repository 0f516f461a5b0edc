import { setTimeout as sleep } from 'node:timers/promises'
import { invoke, type LoadedFunction, type Outcome, outcomeOf } from '../invoke'
import { consumerName, type Policy, streamOf } from '../manifest'
import { ensureConsumer } from '../nats/provision'
import { type Delivered, openPull } from '../nats/pull'
import { countAttempts } from './attempts'
import { toDeadLetters } from './dead_letter'
import { asIncoming, type Broker, type Running } from './mode'

// What is away is asked for, not hammered; a longer pause would only outlast the outage.
const longestAwayMs = 2_000

/**
 * A JetStream durable consumer: at least once. Store, emit, ack, in that order: the message is done only when all that
 * its handler emitted is durable. `job` and `stream` share it; they differ in what the subject means.
 */
export async function startDurable(fn: LoadedFunction, broker: Broker): Promise<Running> {
  const { connection, js, manifest, ports, log } = broker
  const { name, subject, policy } = fn.entry
  const { stream, whole } = streamOf(manifest, subject as string) as { stream: string; whole: boolean }
  const consumer = consumerName(name)
  const provision = () =>
    ensureConsumer(js, {
      stream,
      name: consumer,
      filter: whole ? undefined : subject,
      ackWaitMs: policy.ackWaitMs,
      ordered: policy.ordered,
      from: policy.from,
    })
  const running = new Set<Delivered>()
  const attempts = countAttempts(policy)
  const stopping = new AbortController()
  const idlers: (() => void)[] = []

  const handle = async (delivered: Delivered) => {
    running.add(delivered)
    try {
      // Looked at before the handler runs, so that a message which kills its process ends here too.
      if (attempts.spent(delivered)) await bury(delivered, spent(delivered), attempts.of(delivered) - 1)
      else await settle(delivered, await outcomeFor(delivered))
    } catch (error) {
      log.error({ function: name, seq: delivered.seq, err: error }, 'the message could not be settled; it comes again')
      delivered.nak(pauseMs(policy, 1))
    } finally {
      running.delete(delivered)
      puller.freed()
      if (running.size === 0) for (const resolve of idlers.splice(0)) resolve()
    }
  }

  /** Runs the handler and sends what it emitted; while something is away it waits here and burns no attempt. */
  const outcomeFor = async (delivered: Delivered): Promise<Outcome> => {
    for (let tries = 1; ; tries++) {
      const outcome = await runOnce(delivered)
      if (outcome.kind !== 'away') return outcome
      log.warn({ function: name, seq: delivered.seq, reason: outcome.error.message }, 'waiting for what is away')
      await sleep(Math.min(pauseMs(policy, tries), longestAwayMs), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      )
      if (stopping.signal.aborted) return outcome
    }
  }

  const runOnce = async (delivered: Delivered): Promise<Outcome> => {
    const { arrived, seq } = delivered
    const incoming = { ...asIncoming(arrived), attempt: attempts.of(delivered), seq, fallbackId: `${stream}:${seq}` }
    const outcome = await invoke(fn, incoming, ports)
    if (outcome.kind !== 'returned') return outcome
    try {
      await Promise.all(outcome.emitted.map((emission) => ports.send(emission)))
      return outcome
    } catch (error) {
      return outcomeOf(error)
    }
  }

  const settle = async (delivered: Delivered, outcome: Outcome): Promise<void> => {
    const fields = { function: name, seq: delivered.seq, attempt: attempts.of(delivered) }
    if (outcome.kind === 'returned') {
      attempts.forget(delivered)
      return delivered.ack()
    }
    if (outcome.kind === 'away') return delivered.nak()
    if (outcome.kind === 'later') {
      attempts.later(delivered)
      if (attempts.tooOld(delivered)) {
        return bury(delivered, `came later until it was older than ${policy.maxAgeMs} ms`, fields.attempt)
      }
      return delivered.nak(outcome.ms)
    }
    if (outcome.kind === 'refused' && outcome.rejection.code !== 503) {
      log.warn({ ...fields, reason: outcome.rejection.message }, 'refused: to the dead letters')
      return bury(delivered, outcome.rejection.message, fields.attempt)
    }
    const error = outcome.kind === 'refused' ? outcome.rejection : outcome.error
    const spent = attempts.failed(delivered)
    log.error({ ...fields, err: error }, spent ? 'failed: to the dead letters' : 'failed: it comes again')
    if (spent) return bury(delivered, error.message, fields.attempt)
    delivered.nak(pauseMs(policy, fields.attempt))
  }

  const spent = ({ seq, attempt }: Delivered): string => {
    log.error({ function: name, seq }, 'delivered too often without an end: to the dead letters')
    return `delivered ${attempt} times without an end`
  }

  const bury = async (delivered: Delivered, reason: string, tries: number): Promise<void> => {
    await toDeadLetters(js, { name, stream, delivered, reason, attempts: tries })
    attempts.forget(delivered)
    delivered.term()
  }

  await provision()
  const alive = setInterval(() => {
    for (const delivered of running) delivered.working()
  }, policy.ackWaitMs / 3)
  const puller = openPull(connection, {
    stream,
    consumer,
    slots: policy.ordered ? 1 : policy.concurrency,
    log,
    take: (delivered) => void handle(delivered),
    missing: provision,
  })

  return {
    async stop() {
      stopping.abort()
      await puller.stop()
      if (running.size > 0) await new Promise<void>((resolve) => idlers.push(resolve))
      clearInterval(alive)
    },
  }
}

/** Doubling between the two bounds, with up to a quarter of jitter so that a crowd does not come back as one. */
function pauseMs({ backoffMs: [first, longest] }: Policy, attempt: number): number {
  return Math.min(longest, first * 2 ** Math.min(attempt - 1, 30)) * (1 + Math.random() / 4)
}
