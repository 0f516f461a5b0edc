import { randomUUID } from 'node:crypto'
import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import type { NewOrder, OrderCreated } from './_contract'
import { followed } from './_followed'
import { orderId, requestHash } from './_identity'
import { apply, type Order } from './_machine'

export const config = {
  mode: 'rpc',
  subject: 'rpc.create_order',
  queue: 'order',
  emits: ['events.order_created'],
  stores: ['orders'],
  awaits: ['order/track'],
} satisfies Config

const keyForm = /^[\x21-\x7e]{1,255}$/

/** The order is accepted when its event is durable; what is stored and answered follows from that event. */
export default (async (request, { idempotencyKey, isNewKey, publish, store, settled, reject, replayed }) => {
  const key = idempotencyKey ?? randomUUID()
  if (!keyForm.test(key)) reject(400, 'Idempotency-Key: 1 to 255 visible ASCII characters.')
  const order_id = orderId(request.user_id, key)
  const request_hash = requestHash(request)
  const orders = store<Order>('orders')

  // Older repeats than the broker remembers are told by the record alone, and of a key made just now there is none.
  const isNew = isNewKey || idempotencyKey === undefined
  let accepted = isNew ? undefined : (await orders.get(order_id))?.created
  if (accepted) replayed()
  else {
    await followed(settled)
    // Of two that race, the stream keeps the first, and both go on from what it keeps.
    const { stored, duplicate } = await publish('events.order_created', orderCreated(order_id, request, request_hash))
    if (duplicate) replayed()
    const event = { subject: 'events.order_created', body: stored }
    accepted = (await orders.update(order_id, (known) => apply(known, event), duplicate ? undefined : 'absent'))
      ?.created
  }
  if (accepted?.request_hash !== request_hash) {
    reject(422, 'The Idempotency-Key was used with another body.')
  }
  return { order_id, status: 'created' }
}) satisfies Handler<typeof config>

function orderCreated(order_id: string, request: NewOrder, request_hash: string): OrderCreated {
  const { user_id, items, address, payment_method } = request
  const merged = new Map<string, number>()
  for (const { sku, qty } of items) merged.set(sku, (merged.get(sku) ?? 0) + qty)
  return {
    order_id,
    user_id,
    occurred_at: now(),
    items: [...merged].map(([sku, qty]) => ({ sku, qty })),
    address,
    payment_method,
    request_hash,
  }
}
