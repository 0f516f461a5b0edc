import { isDeepStrictEqual } from 'node:util'
import type { Cause } from '../../runtime/types'
import type { Event } from './_contract'

/** An event with what its headers told of where it comes from; records of earlier versions have neither. */
export interface Recorded extends Event {
  id?: string
  cause?: Cause
}

/** Every event of an order, each type once, in the order of the stream. */
export interface History {
  events: Recorded[]
  /** Repeats of a type that say something else than its first: what was decided once was decided again. */
  conflicts?: Recorded[]
}

const mostConflicts = 10
// A customer may ask again in other words, and one who is refused for it decides nothing.
const asked = ['order_created', 'order_cancel_requested']

/** Keeps the first of each type, however late or renamed a repeat comes. */
export function record(known: History | undefined, event: Recorded): History {
  const { events = [], conflicts = [] } = known ?? {}
  const first = events.find(({ type }) => type === event.type)
  // What was redriven, or held back on its way, goes to its place.
  if (!known || !first) return { ...known, events: [...events, event].sort((one, other) => one.seq - other.seq) }
  const noted = asked.includes(event.type) || conflicts.length === mostConflicts
  if (
    noted ||
    [first, ...conflicts].some(({ type, data }) => type === event.type && isDeepStrictEqual(data, event.data))
  ) {
    return known
  }
  return { ...known, conflicts: [...conflicts, event] }
}

/** As everybody may see it. */
export const told = ({ seq, type, order_id, at, data }: Recorded): Event => ({ seq, type, order_id, at, data })
