import type { Delivery, Failed, Report, WithCourier } from './_contract'

/** The one record of an order's delivery: what happened, each with its time, so that a repeat tells the same. */
export interface DeliveryRecord {
  order_id: string
  user_id: string
  courier_id?: string
  assigned_at?: string
  picked_up_at?: string
  completed_at?: string
  failed?: Pick<Failed, 'reason' | 'picked_up' | 'note'> & { at: string }
  cancelled_at?: string
}

interface OfOrder {
  order_id: string
  user_id: string
}

export function assign(known: DeliveryRecord | undefined, order: OfOrder, courier: string | undefined, at: string) {
  if (known) return known
  const { order_id, user_id } = order
  if (courier === undefined)
    return { order_id, user_id, failed: { at, reason: 'no_courier' as const, picked_up: false } }
  return { order_id, user_id, courier_id: courier, assigned_at: at }
}

/** Frees the courier, or keeps one from being sent later; nothing where the delivery has ended or the goods have left. */
export function cancel(known: DeliveryRecord | undefined, { order_id, user_id }: OfOrder, at: string): DeliveryRecord {
  const record = known ?? { order_id, user_id }
  return statusOf(record) === 'assigned' ? { ...record, cancelled_at: at } : record
}

const allowed: Record<Delivery['status'], Report['status'][]> = {
  assigned: ['picked_up', 'failed'],
  picked_up: ['delivered', 'failed'],
  delivered: [],
  failed: [],
  cancelled: [],
}

export const mayReport = (record: DeliveryRecord, status: Report['status']): boolean =>
  allowed[statusOf(record)].includes(status)

export function report(record: DeliveryRecord, { status, note }: Report, at: string): DeliveryRecord {
  if (!mayReport(record, status)) return record
  if (status === 'picked_up') return { ...record, picked_up_at: at }
  if (status === 'delivered') return { ...record, completed_at: at }
  const picked_up = record.picked_up_at !== undefined
  return { ...record, failed: { at, reason: 'delivery_failed', picked_up, ...(note && { note }) } }
}

export function statusOf({ completed_at, failed, cancelled_at, picked_up_at }: DeliveryRecord): Delivery['status'] {
  if (completed_at) return 'delivered'
  if (failed) return 'failed'
  if (cancelled_at) return 'cancelled'
  return picked_up_at ? 'picked_up' : 'assigned'
}

export function deliveryOf(record: DeliveryRecord): Delivery {
  const { order_id, courier_id, assigned_at, picked_up_at, completed_at, failed, cancelled_at } = record
  const updated_at = completed_at ?? failed?.at ?? cancelled_at ?? picked_up_at ?? assigned_at ?? ''
  return { order_id, status: statusOf(record), ...(courier_id && { courier_id }), updated_at }
}

/** The events of what happened, the same at every repeat. */
export function eventsOf(record: DeliveryRecord) {
  const { order_id, user_id, courier_id = '', failed } = record
  const at = (time: string | undefined): WithCourier | undefined =>
    time === undefined ? undefined : { order_id, user_id, occurred_at: time, courier_id }
  return {
    assigned: at(record.assigned_at),
    picked_up: at(record.picked_up_at),
    delivered: at(record.completed_at),
    failed: failed && toldFailure({ order_id, user_id }, failed),
  }
}

function toldFailure(order: OfOrder, failed: NonNullable<DeliveryRecord['failed']>): Failed {
  const { at, reason, picked_up, note } = failed
  return { ...order, occurred_at: at, reason, picked_up, ...(note !== undefined && { note }) }
}

interface Emit {
  (subject: 'events.delivery_picked_up' | 'events.delivery_completed', body: WithCourier): void
  (subject: 'events.delivery_failed', body: Failed): void
}

/** Emits the event of a report, if that report held. */
export function tell(status: Report['status'], record: DeliveryRecord, emit: Emit): void {
  const { picked_up, delivered, failed } = eventsOf(record)
  if (status === 'picked_up' && picked_up) emit('events.delivery_picked_up', picked_up)
  if (status === 'delivered' && delivered) emit('events.delivery_completed', delivered)
  if (status === 'failed' && failed) emit('events.delivery_failed', failed)
}
