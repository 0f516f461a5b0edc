import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { eventsOf, release, stock } from './_stock'

export const config = {
  mode: 'stream',
  subject: 'events.order_cancelled',
  queue: 'inventory',
  emits: ['events.inventory_released'],
  ledgers: ['stock'],
  replay: 'never',
} satisfies Config

/** Goods that have left are shipped by the pick-up, never released. */
export default (async (order, { ledger, emit }) => {
  if (order.dispatched) return
  const at = now()
  const { released } = await ledger('stock', stock).decide(
    (table) => release(table, order, at),
    (table) => eventsOf(table, order.order_id),
  )
  if (released) emit('events.inventory_released', released)
}) satisfies Handler<typeof config>
