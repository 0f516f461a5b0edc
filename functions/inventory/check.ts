import type { Config, Handler } from '../_contracts'
import { currency } from '../_environment'
import { catalog } from './_catalog'
import { stock, stockOf } from './_stock'

export const config = {
  mode: 'rpc',
  subject: 'rpc.check_inventory',
  queue: 'inventory',
  ledgers: ['stock'],
} satisfies Config

export const setup = () => [currency(), catalog()]

export default (async ({ sku }, { ledger, reject }) => {
  const found = await ledger('stock', stock).read((table) => stockOf(table, sku, currency()))
  return found ?? reject(404, `There is no SKU ${sku}.`)
}) satisfies Handler<typeof config>
