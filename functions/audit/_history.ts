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
}

/** Keeps the first of each type, however late or renamed a repeat comes. */
export function record(known: History | undefined, event: Recorded): History {
  if (known?.events.some(({ type }) => type === event.type)) return known
  return { events: [...(known?.events ?? []), event] }
}

/** As everybody may see it. */
export const told = ({ seq, type, order_id, at, data }: Recorded): Event => ({ seq, type, order_id, at, data })
