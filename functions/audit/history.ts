import type { Config, Handler } from '../_contracts'
import { type History, told } from './_history'

export const config = {
  mode: 'rpc',
  subject: 'rpc.get_order_history',
  queue: 'audit',
  stores: ['history'],
  awaits: ['audit/record'],
} satisfies Config

/** Answers once audit has read what the stream held when the question came, so that a 201 is never followed by a 404. */
export default (async ({ order_id }, { store, settled, reject }) => {
  await settled('audit/record')
  const history = await store<History>('history').get(order_id)
  if (!history) return reject(404, `There is no order ${order_id}.`)
  return { order_id, events: history.events.map(told) }
}) satisfies Handler<typeof config>
