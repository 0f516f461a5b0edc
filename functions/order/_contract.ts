import {
  array,
  boolean,
  enums,
  type Infer,
  integer,
  literal,
  max,
  min,
  object,
  optional,
  size,
  string,
} from 'superstruct'
import { message, request } from '../../runtime/types'
import { By, Lines, OrderId, ofOrder, oncePerOrder, quantity, Reason, Sku, Time, text, UserId } from '../_fields'

const PaymentMethod = enums(['card'])
const Address = text(1, 500)

export const Status = enums(['created', 'reserved', 'paid', 'assigned', 'delivered', 'cancelled'])
export type Status = Infer<typeof Status>

export const NewOrder = object({
  user_id: UserId,
  items: size(array(object({ sku: Sku, qty: quantity(10_000) })), 1, 100),
  address: Address,
  payment_method: PaymentMethod,
})
export type NewOrder = Infer<typeof NewOrder>

export const OrderStatus = object({
  order_id: OrderId,
  status: Status,
  updated_at: Time,
  reason: optional(string()),
  cancelled_by: optional(By),
})
export type OrderStatus = Infer<typeof OrderStatus>

const OrderCreated = object({
  ...ofOrder,
  items: Lines,
  address: Address,
  payment_method: PaymentMethod,
  request_hash: string(),
})
export type OrderCreated = Infer<typeof OrderCreated>

const CancelRequested = object({ ...ofOrder, reason: optional(Reason), by: enums(['customer', 'operator']) })
export type CancelRequested = Infer<typeof CancelRequested>

const OrderCancelled = object({ ...ofOrder, reason: Reason, by: By, dispatched: boolean() })
export type OrderCancelled = Infer<typeof OrderCancelled>

/** Whose orders, how many at most, and from where on: the `next_cursor` of the page before. */
const OrdersOf = object({
  user_id: UserId,
  limit: optional(max(min(integer(), 1), 100)),
  cursor: optional(string()),
})
export type OrdersOf = Infer<typeof OrdersOf>

/** What a person may say with a cancel, over HTTP and NATS alike. */
export const Cancel = object({ reason: optional(Reason) })

export default {
  'events.order_created': message(OrderCreated, oncePerOrder('order_created')),
  'events.order_cancel_requested': message(CancelRequested, oncePerOrder('order_cancel_requested')),
  'events.order_cancelled': message(OrderCancelled, oncePerOrder('order_cancelled')),
  'rpc.create_order': request(NewOrder, object({ order_id: OrderId, status: literal('created') })),
  'rpc.get_order_status': request(object({ order_id: OrderId }), OrderStatus),
  'rpc.list_orders': request(OrdersOf, object({ orders: array(OrderStatus), next_cursor: optional(string()) })),
  'rpc.cancel_order': request(
    object({ order_id: OrderId, ...Cancel.schema, by: optional(enums(['customer', 'operator'])) }),
    OrderStatus,
  ),
  'rpc.dispatch_order': request(object({ order_id: OrderId, courier_id: text(1, 128) }), OrderStatus),
}
