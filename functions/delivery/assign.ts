import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { couriers as simulatedCouriers } from '../_environment'
import { now } from '../_fields'
import { couriers } from './_couriers'
import { assign, type DeliveryRecord, eventsOf } from './_delivery'

export const config = {
  mode: 'stream',
  subject: 'events.payment_captured',
  queue: 'delivery',
  emits: ['events.delivery_assigned', 'events.delivery_failed'],
  requests: ['rpc.get_order_history'],
  stores: ['deliveries'],
  replay: 'never',
} satisfies Config

export const setup = simulatedCouriers

export default (async (payment, { store, emit, request }) => {
  const { order_id } = payment
  const deliveries = store<DeliveryRecord>('deliveries')
  let delivery = await deliveries.get(order_id)
  // Where a cancel came first an earlier run may have found a courier all the same, who has to hear of it.
  if (!delivery?.courier_id && !delivery?.failed) {
    const courier = await step('call courier.assign', () => couriers.assign({ order_id, address }))
    delivery = await deliveries.update(order_id, (known) => assign(known, payment, courier, now()))
    if (courier && !delivery.courier_id) {
      await step('call courier.free', () => couriers.free({ order_id, courier_id: courier }))
    }
  }
  const { assigned, failed } = eventsOf(delivery)
  if (assigned) emit('events.delivery_assigned', assigned)
  else if (failed) emit('events.delivery_failed', failed)

  async function address(): Promise<string> {
    const { body } = await request('rpc.get_order_history', { order_id })
    const created = body.events.find(({ type }) => type === 'order_created')
    return String(created?.data.address ?? '')
  }
}) satisfies Handler<typeof config>
