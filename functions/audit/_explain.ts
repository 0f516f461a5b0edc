import { apply, type Order, type OrderEvent } from '../order/_machine'
import { before, inCausalOrder, inferredCause, toldCause } from './_causes'
import type { Explanation, Step } from './_contract'
import type { Recorded } from './_history'
import { type Known, waitsOf } from './_waits'

/** Why an order is where it is, from its recorded history alone; `now` is what its waits are measured to. */
export function explain(order_id: string, events: Recorded[], now: string): Explanation {
  const known: Known = new Map(events.map((event) => [event.type, event]))
  const waits_for = waitsOf(known, now)
  const times = events.map(({ at }) => at).sort()
  const end = waits_for.length > 0 ? now : (times.at(-1) ?? now)
  return {
    order_id,
    status: statusOf(events),
    total_ms: between(times[0] ?? now, end),
    steps: inCausalOrder(events, known).map((event) => stepOf(event, events, known)),
    waits_for,
    notes: [...lostCancel(known), ...silentPayment(known), ...outOfOrder(events, known)],
  }
}

function stepOf(event: Recorded, events: Recorded[], known: Known): Step {
  const { seq, type, at, cause } = event
  const caused_by = causeOf(event, events, known)
  const since = toldCause(event, events) ?? before(event, known)[0]
  const reason = reasonOf(event)
  return {
    seq,
    type,
    at,
    ...(caused_by && { caused_by }),
    ...(cause && { by: cause.function.slice(0, longest), attempts: cause.attempt }),
    ...(since && { took_ms: between(since.at, at) }),
    ...(reason && { reason }),
  }
}

const longest = 200

/** As its headers tell; else as the flow of an order has it. */
function causeOf(event: Recorded, events: Recorded[], known: Known): Step['caused_by'] {
  const told = toldCause(event, events)
  if (told) return { name: told.type, seq: told.seq }
  const { cause, order_id } = event
  if (cause?.id) return { name: cause.id.replace(`:${order_id}`, '').slice(0, longest) }
  const inferred = inferredCause(event, known)
  return inferred && { name: inferred.type, seq: inferred.seq, inferred: true }
}

const reasonOf = ({ data: { reason, note } }: Recorded): string =>
  [reason, note].filter((text) => typeof text === 'string').join(': ')

/** As order itself folds them. */
function statusOf(events: Recorded[]): Explanation['status'] {
  const fold = (order: Order | undefined, { type, data }: Recorded) =>
    apply(order, { subject: `events.${type}`, body: data as unknown as OrderEvent['body'] })
  return events.reduce(fold, undefined)?.status ?? 'created'
}

/** Clocks of two processes may disagree by more than the step took. */
const between = (from: string, to: string): number => Math.max(0, Date.parse(to) - Date.parse(from))

function lostCancel(known: Known): string[] {
  const wish = known.get('order_cancel_requested')
  if (!wish) return []
  const { seq, data } = wish
  const cancelled = known.get('order_cancelled')
  if (cancelled?.data.by === 'system') {
    return [
      `The cancel by the ${data.by} (seq ${seq}) came to nothing: the order was cancelled for ${cancelled.data.reason}.`,
    ]
  }
  const left = known.get('delivery_picked_up') ?? known.get('delivery_completed')
  if (cancelled || !left) return []
  return [`The cancel by the ${data.by} (seq ${seq}) was refused: a courier had been let go with the goods.`]
}

/** Payment tells nothing of a charge that a cancel came before, so its silence may also be a question that is still open. */
function silentPayment(known: Known): string[] {
  const told = ['payment_captured', 'payment_declined', 'payment_refunded'].some((type) => known.has(type))
  if (told || !known.has('order_cancelled') || !known.has('inventory_reserved')) return []
  return ['No payment was taken so far: the cancel came first, or the payment service has not answered yet.']
}

function outOfOrder(events: Recorded[], known: Known): string[] {
  return events.flatMap((event) =>
    before(event, known)
      .filter(({ seq }) => seq > event.seq)
      .map(
        ({ type, seq }) =>
          `${event.type} (seq ${event.seq}) is in the stream before ${type} (seq ${seq}), which it needs.`,
      ),
  )
}
