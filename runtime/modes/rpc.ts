import { turnAway } from '../../observe/turned_away'
import { encode, errorCode, errorText, type Headers, headerText, idempotentReplayed, serviceAway } from '../envelope'
import { sending } from '../failpoint'
import { type Incoming, invoke, type LoadedFunction, type Outcome, outcomeOf, type Returned } from '../invoke'
import type { Arrived } from '../nats/connection'
import { asIncoming, type Broker, type Running, sendAll } from './mode'
import { openSlots } from './slots'

const queued = 1_000

/** NATS Core request/reply: the queue group shares the requests; the caller hears, or times out. */
export function startRpc(fn: LoadedFunction, { connection, ports, log }: Broker): Running {
  const { subject, queue, policy } = fn.entry
  const slots = openSlots(policy.concurrency, queued)
  const turnedAway = turnAway(fn, ports)

  const answer = async (arrived: Arrived, incoming: Incoming) => {
    const deliver = (returned: Returned, leftMs: number) => {
      const sent = sendAll(ports, returned, leftMs)
      if (sent) return sent.then(() => reply(arrived, returned))
      reply(arrived, returned)
    }
    const { outcome, run } = await invoke(fn, [incoming], ports, { deliver })
    if (outcome.kind === 'returned') return
    // Also where what it emitted could not be sent, or its reply is no JSON or larger than the broker takes.
    if ('error' in outcome) log.error({ ...run.fields(ports.logged), err: outcome.error }, 'the request failed')
    try {
      reply(arrived, outcome)
    } catch (error) {
      log.error({ ...run.fields(ports.logged), err: error }, 'the request failed')
      try {
        reply(arrived, outcomeOf(error))
      } catch {
        // Nobody can be answered there; that is told above.
      }
    }
  }

  const reply = (arrived: Arrived, outcome: Outcome) => {
    if (!arrived.reply) return
    const { body, headers } = replyOf(outcome)
    const to = arrived.reply
    sending(`reply ${subject}`, () => connection.publish(to, encode(body), { headers }))
  }

  const take = (arrived: Arrived) => {
    const incoming = asIncoming(arrived)
    const taken = slots.run(() => answer(arrived, incoming))
    if (!taken) reply(arrived, { kind: 'refused', rejection: turnedAway(arrived.subject) })
  }
  const subscription = connection.subscribe(subject as string, take, { queue })

  return {
    async stop() {
      await subscription.drain()
      await slots.idle()
    },
  }
}

/** What the caller hears: a fault tells it nothing of the inside. */
function replyOf(outcome: Outcome): { body: unknown; headers?: Headers } {
  if (outcome.kind === 'returned') {
    return { body: outcome.value, headers: outcome.replayed ? { [idempotentReplayed]: 'true' } : undefined }
  }
  const { code, message, errors } =
    outcome.kind === 'refused' ? outcome.rejection : { code: 500, message: 'The service failed.', errors: undefined }
  const away: Headers = outcome.kind === 'away' ? { [serviceAway]: 'true' } : {}
  return {
    body: { error: { code, message, errors } },
    headers: { [errorCode]: String(code), [errorText]: headerText(message), ...away },
  }
}
