import type { Recorded } from './_history'
import type { Known } from './_waits'

/** What each event cannot come without, the nearest first; of those that are no part of an order's fate none is listed. */
const follows: Record<string, string[]> = {
  inventory_reserved: ['order_created'],
  inventory_rejected: ['order_created'],
  payment_captured: ['inventory_reserved'],
  payment_declined: ['inventory_reserved'],
  delivery_assigned: ['payment_captured'],
  delivery_picked_up: ['delivery_assigned'],
  delivery_completed: ['delivery_picked_up'],
  delivery_failed: ['delivery_picked_up', 'delivery_assigned', 'payment_captured'],
  order_cancel_requested: ['order_created'],
  inventory_released: ['order_cancelled', 'inventory_reserved'],
  inventory_shipped: ['delivery_picked_up'],
  payment_refunded: ['order_cancelled', 'payment_captured'],
}
const failures = ['inventory_rejected', 'payment_declined', 'delivery_failed']
const wishes = ['order_created', 'order_cancel_requested', 'delivery_picked_up', 'delivery_completed']

/** Those of an order's events that came before this one whatever the stream's order says, the nearest first. */
export function before({ type, data }: Recorded, known: Known): Recorded[] {
  const types =
    type === 'order_cancelled' ? (data.by === 'system' ? failures : ['order_cancel_requested']) : follows[type]
  return (types ?? []).flatMap((one) => known.get(one) ?? [])
}

/** The event that this one tells as its cause, if it is one of the order's own. */
export function toldCause({ cause, seq }: Recorded, events: Recorded[]): Recorded | undefined {
  if (!cause?.id) return undefined
  return events.find((one) => idOf(one) === cause.id && one.seq !== seq)
}

/** The event that made a function bring this one about, where no header tells; a person's or courier's wish has none. */
export function inferredCause(event: Recorded, known: Known): Recorded | undefined {
  const reported = event.type === 'delivery_failed' && event.data.reason !== 'no_courier'
  return reported || wishes.includes(event.type) ? undefined : before(event, known)[0]
}

const idOf = ({ id, type, order_id }: Recorded): string => id ?? `${type}:${order_id}`

/** Causes before what they caused; what nothing orders stays as it is in the stream, and so does what is its own cause. */
export function inCausalOrder(events: Recorded[], known: Known): Recorded[] {
  const left = new Set(events.toSorted((one, other) => one.seq - other.seq))
  const ordered: Recorded[] = []
  while (left.size > 0) {
    const all = [...left]
    const next = all.find(
      (one) => ![...before(one, known), toldCause(one, events)].some((cause) => cause && left.has(cause)),
    )
    const taken = next ?? (all[0] as Recorded)
    left.delete(taken)
    ordered.push(taken)
  }
  return ordered
}
