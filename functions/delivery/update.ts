import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { type DeliveryRecord, deliveryOf, mayReport, report, statusOf, tell } from './_delivery'

export const config = {
  mode: 'rpc',
  subject: 'rpc.update_delivery',
  queue: 'delivery',
  emits: ['jobs.update_delivery', 'events.delivery_picked_up', 'events.delivery_completed', 'events.delivery_failed'],
  requests: ['rpc.dispatch_order'],
  stores: ['deliveries'],
} satisfies Config

/** The report is durable as a job before it is decided, so that `delivery/report` finishes it if this process dies. */
export default (async ({ order_id, status, note }, { store, publish, emit, request, reject }) => {
  const deliveries = store<DeliveryRecord>('deliveries')
  const known = await deliveries.get(order_id)
  if (!known) return reject(404, `There is no delivery of ${order_id}.`)
  if (statusOf(known) === status) return deliveryOf(known)
  if (!mayReport(known, status)) return refuse(known)
  if (status === 'picked_up') await request('rpc.dispatch_order', { order_id, courier_id: known.courier_id ?? '' })

  const told = { order_id, user_id: known.user_id, occurred_at: now(), status, ...(note && { note }) }
  const { stored } = await publish('jobs.update_delivery', told)
  const delivery = await deliveries.update(order_id, (record = known) => report(record, stored, stored.occurred_at))
  if (statusOf(delivery) !== status) return refuse(delivery)
  tell(status, delivery, emit)
  return deliveryOf(delivery)

  function refuse(record: DeliveryRecord): never {
    return reject(409, `The delivery is ${statusOf(record)}, so it cannot become ${status}.`)
  }
}) satisfies Handler<typeof config>
