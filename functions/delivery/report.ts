import type { Config, Handler } from '../_contracts'
import { type DeliveryRecord, report, tell } from './_delivery'

export const config = {
  mode: 'job',
  subject: 'jobs.update_delivery',
  queue: 'delivery',
  emits: ['events.delivery_picked_up', 'events.delivery_completed', 'events.delivery_failed'],
  stores: ['deliveries'],
} satisfies Config

/** Finishes a report whose `rpc.update_delivery` died; after one that did not, it tells again what is told already. */
export default (async (told, { store, emit }) => {
  const deliveries = store<DeliveryRecord>('deliveries')
  const delivery = await deliveries.update(told.order_id, (known) => known && report(known, told, told.occurred_at))
  if (delivery) tell(told.status, delivery, emit)
}) satisfies Handler<typeof config>
