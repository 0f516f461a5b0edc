import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { cancelByPerson, cancelledEvent, type Order, statusOf } from './_machine'

export const config = {
  mode: 'rpc',
  subject: 'rpc.cancel_order',
  queue: 'order',
  emits: ['events.order_cancel_requested', 'events.order_cancelled'],
  stores: ['orders'],
} satisfies Config

/** The request is durable before it is decided, so that `order/track` finishes it if this process dies. */
export default (async ({ order_id, reason, by = 'customer' }, { publish, emit, store, reject }) => {
  const orders = store<Order>('orders')
  const known = await orders.get(order_id)
  if (!known) return reject(404, `There is no order ${order_id}.`)
  if (known.status === 'cancelled') return statusOf(known)
  if (cancelByPerson(known, { by }, now()) === known) return refuse(known)

  const wish = { order_id, user_id: known.user_id, occurred_at: now(), by, ...(reason && { reason }) }
  const { stored } = await publish('events.order_cancel_requested', wish)
  const order = await orders.update(order_id, (order = known) => cancelByPerson(order, stored, now()))
  const event = cancelledEvent(order)
  if (!event) return refuse(order)
  emit('events.order_cancelled', event)
  return statusOf(order)

  function refuse({ status, dispatched }: Order): never {
    const why = status === 'delivered' ? 'has been delivered' : dispatched ? 'has been picked up' : `is ${status}`
    return reject(409, `The order ${why}, so it cannot be cancelled.`)
  }
}) satisfies Handler<typeof config>
