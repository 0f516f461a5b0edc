import type { Config, Handler } from '../_contracts'
import { currency } from '../_environment'
import { now } from '../_fields'
import { catalog } from './_catalog'
import { eventsOf, reserve, stock } from './_stock'

export const config = {
  mode: 'stream',
  subject: 'events.order_created',
  queue: 'inventory',
  emits: ['events.inventory_reserved', 'events.inventory_rejected'],
  ledgers: ['stock'],
  replay: 'never',
} satisfies Config

export const setup = () => [currency(), catalog()]

export default (async (order, { ledger, emit }) => {
  const at = now()
  const { reserved, rejected } = await ledger('stock', stock).decide(
    (table) => reserve(table, order, currency(), at),
    (table) => eventsOf(table, order.order_id),
  )
  if (reserved) emit('events.inventory_reserved', reserved)
  if (rejected) emit('events.inventory_rejected', rejected)
}) satisfies Handler<typeof config>
