import type { Config, Handler } from '../_contracts'
import { currency } from '../_environment'
import { now } from '../_fields'
import { catalog } from './_catalog'
import { stock, stockOf } from './_stock'

export const config = {
  mode: 'rpc',
  subject: 'rpc.set_inventory',
  queue: 'inventory',
  ledgers: ['stock'],
} satisfies Config

export const setup = () => [currency(), catalog()]

const defaultPrice = 1_000

/** Counts the shelf anew. What is held for orders must be there; `inventory/announce` tells of it. */
export default (async ({ sku, on_hand, unit_price, name }, { ledger, reject }) => {
  const at = now()
  const shelf = await ledger('stock', stock).decide(
    (table) => {
      const known = stockOf(table, sku, currency())
      if (known && known.reserved > on_hand) {
        reject(409, `${known.reserved} pieces of ${sku} are reserved, so there cannot be only ${on_hand}.`)
      }
      const label = name ?? known?.name
      const price = unit_price ?? known?.unit_price ?? defaultPrice
      return { kind: 'adjust', sku, on_hand, unit_price: price, ...(label !== undefined && { name: label }), at }
    },
    (table) => stockOf(table, sku, currency()),
  )
  return shelf ?? reject(404, `There is no SKU ${sku}.`)
}) satisfies Handler<typeof config>
