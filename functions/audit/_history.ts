import type { Event } from './_contract'

/** Every event of an order, each type once, in the order of the stream. */
export interface History {
  events: Event[]
}

/** Keeps the first of each type, however late or renamed a repeat comes. */
export function record(known: History | undefined, event: Event): History {
  if (known?.events.some(({ type }) => type === event.type)) return known
  return { events: [...(known?.events ?? []), event] }
}
