import {
  array,
  boolean,
  type Infer,
  integer,
  literal,
  min,
  object,
  optional,
  record,
  size,
  string,
  unknown,
} from 'superstruct'
import { request } from '../../runtime/types'
import { Amount, OrderId, Sku, Time } from '../_fields'
import { Status } from '../order/_contract'

const Seq = min(integer(), 1)
const Milliseconds = min(integer(), 0)

const Event = object({
  seq: Seq,
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
/** One event with what brought it about; what nobody told and nothing shows is absent. */
const Step = object({
  seq: Seq,
  type: string(),
  at: Time,
  caused_by: optional(object({ name: string(), seq: optional(Seq), inferred: optional(literal(true)) })),
  by: optional(string()),
  attempts: optional(min(integer(), 1)),
  took_ms: optional(Milliseconds),
  reason: optional(string()),
})
export type Step = Infer<typeof Step>

const Wait = object({
  for: string(),
  function: string(),
  seq: Seq,
  since: Time,
  waiting_ms: Milliseconds,
  detail: string(),
})
export type Wait = Infer<typeof Wait>

const Explanation = object({
  order_id: OrderId,
  status: Status,
  total_ms: Milliseconds,
  steps: array(Step),
  waits_for: array(Wait),
  notes: array(string()),
})
export type Explanation = Infer<typeof Explanation>

export default {
  'rpc.check_books': request(object({}), Books),
  'rpc.get_order_history': request(object({ order_id: OrderId }), object({ order_id: OrderId, events: array(Event) })),
  'rpc.explain_order': request(object({ order_id: OrderId }), Explanation),
}
