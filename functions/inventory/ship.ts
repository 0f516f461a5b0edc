import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { eventsOf, ship, stock } from './_stock'

export const config = {
  mode: 'stream',
  subject: 'events.delivery_picked_up',
  queue: 'inventory',
  emits: ['events.inventory_shipped'],
  ledgers: ['stock'],
  replay: 'never',
} satisfies Config

export default (async (delivery, { ledger, emit, reject }) => {
  const at = now()
  const { shipped } = await ledger('stock', stock).decide(
    (table) => ship(table, delivery, at),
    (table) => eventsOf(table, delivery.order_id),
  )
  if (!shipped) return reject(409, `The order ${delivery.order_id} was picked up but holds no stock.`)
  emit('events.inventory_shipped', shipped)
}) satisfies Handler<typeof config>
