import { invoke, type LoadedFunction, type Outcome } from '../invoke'
import type { Arrived } from '../nats/connection'
import { asIncoming, type Broker, type Running } from './mode'
import { openSlots } from './slots'

const queued = 10_000

/** NATS Core publish/subscribe: at most once, to one member of the queue group or, without one, to every instance. */
export function startEvent(fn: LoadedFunction, { connection, ports, log }: Broker): Running {
  const { name, subject, queue, policy } = fn.entry
  const slots = openSlots(policy.concurrency, queued)

  const handle = async (arrived: Arrived) => {
    const { outcome, fields } = await invoke(fn, [asIncoming(arrived)], ports)
    // Nothing stores an event, so what comes later is kept in this process alone.
    if (outcome.kind === 'later') setTimeout(() => slots.run(() => handle(arrived)), outcome.ms).unref()
    await settle(outcome, fields).catch((error) => log.error({ ...fields, err: error }, 'what it emitted was not sent'))
  }

  const settle = async (outcome: Outcome, fields: object) => {
    if (outcome.kind === 'returned') await Promise.all(outcome.emitted.map((emission) => ports.send(emission)))
    else if (outcome.kind === 'refused') {
      log.warn({ ...fields, code: outcome.rejection.code, reason: outcome.rejection.message }, 'event refused')
    } else if (outcome.kind !== 'later') log.error({ ...fields, err: outcome.error }, 'event lost: its handler failed')
  }

  const subscription = connection.subscribe(
    subject as string,
    (arrived) => {
      if (!slots.run(() => handle(arrived))) log.error({ function: name }, 'event lost: too many wait already')
    },
    queue,
  )

  return {
    async stop() {
      await subscription.drain()
      await slots.idle()
    },
  }
}
