import { array, type Infer, integer, min, object, record, string, unknown } from 'superstruct'
import { request } from '../../runtime/types'
import { OrderId, Time } from '../_fields'

const Event = object({
  seq: min(integer(), 1),
  type: string(),
  order_id: OrderId,
  at: Time,
  data: record(string(), unknown()),
})
export type Event = Infer<typeof Event>

export default {
  'rpc.get_order_history': request(object({ order_id: OrderId }), object({ order_id: OrderId, events: array(Event) })),
}
