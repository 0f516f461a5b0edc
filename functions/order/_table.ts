import type { contracts } from '../_contracts'
import type { Status } from './_contract'

type EventOf<Subject> = Subject extends `events.${infer Type}` ? Type : never

/** Every event of an order; an adjusted shelf is of none. */
export type OrderEventType = Exclude<EventOf<keyof typeof contracts>, 'inventory_adjusted'>

/** Where an order is before an event: a status, or not seen yet. */
export type Before = 'unseen' | Status

/** The status that is reached; `noted`: it stays, and the time of the latest event moves on; `stays`: all stays. */
export type Step = Status | 'noted' | 'stays'

// biome-ignore format: a table is read by its columns
export const steps = {
  order_created:          { unseen: 'created',   created: 'stays',     reserved: 'noted',     paid: 'noted',     assigned: 'noted',     delivered: 'stays', cancelled: 'stays' },
  inventory_reserved:     { unseen: 'reserved',  created: 'reserved',  reserved: 'noted',     paid: 'noted',     assigned: 'noted',     delivered: 'stays', cancelled: 'stays' },
  inventory_rejected:     { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
  payment_captured:       { unseen: 'paid',      created: 'paid',      reserved: 'paid',      paid: 'noted',     assigned: 'noted',     delivered: 'stays', cancelled: 'stays' },
  payment_declined:       { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
  delivery_assigned:      { unseen: 'assigned',  created: 'assigned',  reserved: 'assigned',  paid: 'assigned',  assigned: 'noted',     delivered: 'stays', cancelled: 'stays' },
  delivery_picked_up:     { unseen: 'assigned',  created: 'assigned',  reserved: 'assigned',  paid: 'assigned',  assigned: 'noted',     delivered: 'stays', cancelled: 'stays' },
  delivery_completed:     { unseen: 'delivered', created: 'delivered', reserved: 'delivered', paid: 'delivered', assigned: 'delivered', delivered: 'stays', cancelled: 'stays' },
  delivery_failed:        { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
  order_cancel_requested: { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
  order_cancelled:        { unseen: 'cancelled', created: 'cancelled', reserved: 'cancelled', paid: 'cancelled', assigned: 'cancelled', delivered: 'stays', cancelled: 'stays' },
  inventory_released:     { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
  inventory_shipped:      { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
  payment_refunded:       { unseen: 'stays',     created: 'stays',     reserved: 'stays',     paid: 'stays',     assigned: 'stays',     delivered: 'stays', cancelled: 'stays' },
} satisfies Record<OrderEventType, Record<Before, Step>>

/** What the event makes of the status; undefined for what is no event of an order. */
export const stepOf = (subject: string, before: Before): Step | undefined =>
  (steps as Record<string, Record<Before, Step>>)[subject.replace(/^events\./, '')]?.[before]
