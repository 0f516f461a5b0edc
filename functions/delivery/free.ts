import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { couriers } from './_couriers'
import { cancel, type DeliveryRecord } from './_delivery'

export const config = {
  mode: 'stream',
  subject: 'events.order_cancelled',
  queue: 'delivery',
  stores: ['deliveries'],
  replay: 'never',
} satisfies Config

export default (async (order, { store }) => {
  const { order_id } = order
  const deliveries = store<DeliveryRecord>('deliveries')
  const { cancelled_at, courier_id } = await deliveries.update(order_id, (known) =>
    cancel(known, order, order.occurred_at),
  )
  if (cancelled_at && courier_id) {
    await step('call courier.free', () => couriers.free({ order_id, courier_id }))
  }
}) satisfies Handler<typeof config>
