import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { explain } from './_explain'
import type { History } from './_history'

export const config = {
  mode: 'rpc',
  subject: 'rpc.explain_order',
  queue: 'audit',
  stores: ['history'],
  awaits: ['audit/record'],
} satisfies Config

export default (async ({ order_id }, { store, settled, reject }) => {
  await settled('audit/record')
  const history = await store<History>('history').get(order_id)
  if (!history) return reject(404, `There is no order ${order_id}.`)
  return explain(order_id, history.events, now())
}) satisfies Handler<typeof config>
