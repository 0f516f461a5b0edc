import { array, boolean, type Infer, integer, min, object, optional, record, size, string, unknown } from 'superstruct'
import { request } from '../../runtime/types'
import { Amount, OrderId, Sku, Time } from '../_fields'

const Event = object({
  seq: min(integer(), 1),
  type: string(),
  order_id: OrderId,
  at: Time,
  data: record(string(), unknown()),
})
export type Event = Infer<typeof Event>

const Violation = object({ law: string(), order_id: optional(OrderId), sku: optional(Sku), detail: string() })

export const Books = object({
  balanced: boolean(),
  as_of_seq: Amount,
  events: Amount,
  orders: Amount,
  open_orders: Amount,
  pending: optional(Amount),
  captured: optional(Amount),
  refunded: optional(Amount),
  violations: size(array(Violation), 0, 100),
})
export type Books = Infer<typeof Books>

export default {
  'rpc.check_books': request(object({}), Books),
  'rpc.get_order_history': request(object({ order_id: OrderId }), object({ order_id: OrderId, events: array(Event) })),
}
