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

/** What the events of an order say of its goods, its money and its end. */
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

export function accountOf({ events, conflicts = [] }: History): Account {
  const told = events.flatMap(({ type, at, data }) => {
    const fact = facts[type]
    return fact ? [[fact, Object.assign({}, data, { at })]] : []
  })
  const sum = (type: string) =>
    [...events, ...conflicts].reduce((total, event) => total + (event.type === type ? Number(event.data.amount) : 0), 0)
  return {
    ...Object.fromEntries(told),
    again: conflicts.map(({ type }) => type),
    sums: { captured: sum('payment_captured'), refunded: sum('payment_refunded') },
  }
}

const isOpen = ({ created, cancelled, delivered }: Account): boolean =>
  created !== undefined && !cancelled && !delivered

/** What one order adds to the totals. */
export interface Counted {
  events: number
  orders: number
  open: number
  captured: number
  refunded: number
  /** It is out of balance, and has no name in the books. */
  unnamed: number
}

export const nothing: Counted = { events: 0, orders: 0, open: 0, captured: 0, refunded: 0, unnamed: 0 }

export const countedOf = (account: Account, { events, conflicts = [] }: History): Counted => ({
  events: events.length + conflicts.length,
  orders: Number(account.created !== undefined),
  open: Number(isOpen(account)),
  ...account.sums,
  unnamed: 0,
})
