import type { Handler } from '../_contracts'
import { cancel, type DeliveryRecord } from './_delivery'
import type { config } from './track'

export type DeliveryFact = Parameters<Handler<typeof config>>[1]['message']

/** The record after one more fact, in whatever order they come; the very record where it holds the fact already. */
export function fold(known: DeliveryRecord | undefined, { subject, body }: DeliveryFact): DeliveryRecord | undefined {
  switch (subject) {
    case 'events.delivery_assigned': {
      const { order_id, user_id, courier_id, occurred_at: assigned_at } = body
      return known?.assigned_at ? known : { order_id, user_id, ...known, courier_id, assigned_at }
    }
    case 'events.delivery_picked_up':
      return known?.picked_up_at ? known : { ...going(known, body), picked_up_at: body.occurred_at }
    case 'events.delivery_completed':
      return known?.completed_at ? known : { ...going(known, body), completed_at: body.occurred_at }
    case 'events.delivery_failed': {
      const { order_id: _, user_id: __, occurred_at: at, ...facts } = body
      return known?.failed ? known : { ...going(known, body), failed: { at, ...facts } }
    }
    case 'events.order_cancelled':
      return cancel(known, body, body.occurred_at)
    default:
      return known
  }
}

/** What was told by a courier was decided before the cancel, which then found nothing to free. */
function going(known: DeliveryRecord | undefined, { order_id, user_id }: Pick<DeliveryRecord, 'order_id' | 'user_id'>) {
  const { cancelled_at: _, ...record } = known ?? { order_id, user_id }
  return record
}
