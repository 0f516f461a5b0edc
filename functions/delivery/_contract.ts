import { boolean, enums, type Infer, object, optional } from 'superstruct'
import { message, request } from '../../runtime/types'
import { OrderId, ofOrder, oncePerOrder, Time, text } from '../_fields'

const CourierId = text(1, 128)
const Note = text(1, 200)

const WithCourier = object({ ...ofOrder, courier_id: CourierId })
export type WithCourier = Infer<typeof WithCourier>

const Failed = object({
  ...ofOrder,
  reason: enums(['no_courier', 'delivery_failed']),
  picked_up: boolean(),
  note: optional(Note),
})
export type Failed = Infer<typeof Failed>

/** What a courier reports, over HTTP and NATS alike. */
export const Report = object({ status: enums(['picked_up', 'delivered', 'failed']), note: optional(Note) })
export type Report = Infer<typeof Report>

const ReportJob = object({ ...ofOrder, ...Report.schema })

export const Delivery = object({
  order_id: OrderId,
  status: enums(['assigned', 'picked_up', 'delivered', 'failed', 'cancelled']),
  courier_id: optional(CourierId),
  updated_at: Time,
})
export type Delivery = Infer<typeof Delivery>

export default {
  'events.delivery_assigned': message(WithCourier, oncePerOrder('delivery_assigned')),
  'events.delivery_picked_up': message(WithCourier, oncePerOrder('delivery_picked_up')),
  'events.delivery_completed': message(WithCourier, oncePerOrder('delivery_completed')),
  'events.delivery_failed': message(Failed, oncePerOrder('delivery_failed')),
  'jobs.update_delivery': message(ReportJob, ({ order_id, status }) => `update_delivery:${status}:${order_id}`),
  'rpc.update_delivery': request(object({ order_id: OrderId, ...Report.schema }), Delivery),
}
