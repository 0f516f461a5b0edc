import { array, type Infer, integer, literal, min, object, optional, record, string, unknown } from 'superstruct'
import { request } from '../../runtime/types'
import { OrderId, Time } from '../_fields'
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
  'rpc.get_order_history': request(object({ order_id: OrderId }), object({ order_id: OrderId, events: array(Event) })),
  'rpc.explain_order': request(object({ order_id: OrderId }), Explanation),
}
