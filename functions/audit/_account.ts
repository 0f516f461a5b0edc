import type { Event } from './_contract'
import type { History } from './_history'

interface Line {
  sku: string
  qty: number
}

interface Fact {
  /** When it happened; ISO 8601. */
  at: string
}

interface Money extends Fact {
  amount: number
  currency: string
}

/** What the events of an order, up to one of the stream, say of its goods, its money and its end. */
export interface Account {
  created?: Fact
  reserved?: Money & { items: Line[] }
  rejected?: Fact
  captured?: Money
  declined?: Fact
  refunded?: Money
  released?: Fact & { items: Line[] }
  shipped?: Fact & { items: Line[] }
  failed?: Fact
  cancelled?: Fact & { dispatched: boolean }
  delivered?: Fact
  /** Types that were decided again, and otherwise. */
  again: Event['type'][]
  /** Minor units, of all that was captured and refunded, decided again or not. */
  sums: { captured: number; refunded: number }
}

const facts: Record<string, Exclude<keyof Account, 'again' | 'sums'>> = {
  order_created: 'created',
  inventory_reserved: 'reserved',
  inventory_rejected: 'rejected',
  payment_captured: 'captured',
  payment_declined: 'declined',
  payment_refunded: 'refunded',
  inventory_released: 'released',
  inventory_shipped: 'shipped',
  delivery_failed: 'failed',
  order_cancelled: 'cancelled',
  delivery_completed: 'delivered',
}

/** The account as it stood after the event with this sequence. */
export function accountOf({ events, conflicts = [] }: History, upTo: number): Account {
  const then = events.filter(({ seq }) => seq <= upTo)
  const again = conflicts.filter(({ seq }) => seq <= upTo)
  const told = then.flatMap(({ type, at, data }) => {
    const fact = facts[type]
    return fact ? [[fact, { ...data, at }]] : []
  })
  const sum = (type: string) =>
    [...then, ...again].reduce((total, event) => total + (event.type === type ? Number(event.data.amount) : 0), 0)
  return {
    ...Object.fromEntries(told),
    again: again.map(({ type }) => type),
    sums: { captured: sum('payment_captured'), refunded: sum('payment_refunded') },
  }
}

export const isOpen = ({ created, cancelled, delivered }: Account): boolean =>
  created !== undefined && !cancelled && !delivered
