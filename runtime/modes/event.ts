import { turnAway } from '../../observe/turned_away'
import { invoke, type LoadedFunction, type Returned } from '../invoke'
import type { Arrived } from '../nats/connection'
import { asIncoming, type Broker, type Running, sendAll } from './mode'
import { pause } from './pauses'
import { openSlots } from './slots'

const queued = 10_000

/** NATS Core publish/subscribe: at most once, to one member of the queue group or, without one, to every instance. */
export function startEvent(fn: LoadedFunction, { connection, ports, log }: Broker): Running {
  const { subject, queue, policy } = fn.entry
  const slots = openSlots(policy.concurrency, queued)
  const turnedAway = turnAway(fn, ports)

  const handle = async (arrived: Arrived) => {
    const deliver = (returned: Returned) => sendAll(ports, returned)
    const { outcome, run } = await invoke(fn, [asIncoming(arrived)], ports, { deliver })
    if (outcome.kind === 'returned') return
    const fields = run.fields(ports.logged)
    if (outcome.kind === 'refused') {
      log.warn({ ...fields, code: outcome.rejection.code, reason: outcome.rejection.message }, 'event refused')
    } else if ('error' in outcome) log.error({ ...fields, err: outcome.error }, 'event lost: its handler failed')
    // Nothing stores an event, so what comes later is kept in this process alone.
    else if (outcome.kind === 'later') void pause(outcome.ms, { ref: false }).then(() => take(arrived))
  }

  const take = (arrived: Arrived) => {
    if (!slots.run(() => handle(arrived))) turnedAway(arrived.subject)
  }

  const subscription = connection.subscribe(subject as string, take, { queue })

  return {
    async stop() {
      await subscription.drain()
      await slots.idle()
    },
  }
}
