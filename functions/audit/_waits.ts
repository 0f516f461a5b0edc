import type { Wait } from './_contract'
import type { Recorded } from './_history'

/** What is known of an order: its events by type. */
export type Known = ReadonlyMap<string, Recorded>

interface Rule {
  /** Once all of these have happened … */
  after: string[]
  /** … one of these has to come, the first in the ordinary case. */
  until: string[]
  /** Who brings it. */
  function: string
  detail: string
  /** Where the types alone do not say. */
  only?: (known: Known) => boolean
}

const cancels = 'order/track'
const askedAgain = 'The payment service is asked again, twice a minute or oftener, until it answers'
const late = 'It has happened, as what followed it shows; its event is still to come.'

const rules: Rule[] = [
  {
    after: ['order_created'],
    until: ['inventory_reserved', 'inventory_rejected', 'order_cancelled'],
    function: 'inventory/reserve',
    detail: 'All lines are held, or none.',
  },
  {
    after: ['inventory_reserved'],
    until: ['payment_captured', 'payment_declined', 'order_cancelled'],
    function: 'payment/capture',
    detail: `${askedAgain}; nobody is charged twice.`,
  },
  {
    after: ['payment_captured'],
    until: ['delivery_assigned', 'delivery_picked_up', 'delivery_failed', 'order_cancelled'],
    function: 'delivery/assign',
    detail: 'A courier is being looked for.',
  },
  {
    after: ['delivery_assigned'],
    until: ['delivery_picked_up', 'delivery_failed', 'delivery_completed', 'order_cancelled'],
    function: 'delivery/update',
    detail: 'The courier has to report picked_up; a cancel is taken until then.',
  },
  {
    after: ['delivery_picked_up'],
    until: ['delivery_completed', 'delivery_failed', 'order_cancelled'],
    function: 'delivery/update',
    detail: 'The courier has to report delivered.',
  },
  {
    after: ['delivery_picked_up'],
    until: ['inventory_shipped'],
    function: 'inventory/ship',
    detail: 'The goods have left and are still counted on the shelf.',
  },
  ...['inventory_rejected', 'payment_declined', 'delivery_failed'].map((failure) => ({
    after: [failure],
    until: ['order_cancelled'],
    function: cancels,
    detail: 'What cannot be done cancels the order.',
  })),
  {
    after: ['order_cancel_requested'],
    until: ['order_cancelled', 'delivery_picked_up', 'delivery_completed', 'delivery_failed'],
    function: cancels,
    detail: 'Where this lasts, a courier was let go with the goods first: then the cancel was refused, with a 409.',
  },
  {
    after: ['order_cancelled', 'inventory_reserved'],
    until: ['inventory_released', 'inventory_shipped', 'delivery_picked_up'],
    function: 'inventory/release',
    detail: 'The goods are held for a cancelled order.',
    only: (known) => !hadLeft(known),
  },
  {
    after: ['order_cancelled', 'payment_captured'],
    until: ['payment_refunded'],
    function: 'payment/refund',
    detail: `The customer’s money is still here. ${askedAgain}; nothing is paid back twice.`,
  },
  {
    after: ['order_created', 'inventory_released'],
    until: ['inventory_reserved'],
    function: 'inventory/reserve',
    detail: late,
  },
  {
    after: ['inventory_reserved', 'payment_refunded'],
    until: ['payment_captured'],
    function: 'payment/capture',
    detail: late,
  },
  ...['delivery_picked_up', 'delivery_failed'].map((reported) => ({
    after: ['payment_captured', reported],
    until: ['delivery_assigned'],
    function: 'delivery/assign',
    detail: late,
    only: (known: Known) => known.get(reported)?.data.reason !== 'no_courier',
  })),
  { after: ['delivery_completed'], until: ['delivery_picked_up'], function: 'delivery/report', detail: late },
  {
    after: ['delivery_failed'],
    until: ['delivery_picked_up'],
    function: 'delivery/report',
    detail: late,
    only: hadLeft,
  },
]

/** All that is still to come, each once, the oldest first; nothing where the order is at its end and made good. */
export function waitsOf(known: Known, now: string): Wait[] {
  const waits = rules
    .filter(({ after, until, only }) => {
      const due = after.every((type) => known.has(type)) && !until.some((type) => known.has(type))
      return due && only?.(known) !== false
    })
    .map((rule) => waitOf(rule, known, now))
    .sort((one, other) => other.waiting_ms - one.waiting_ms)
  return waits.filter((one, index) => waits.findIndex((first) => first.for === one.for) === index)
}

/** What the function has to handle, or a courier follows, is the first of `after`; the wait is as old as the last. */
function waitOf({ after, until: [wanted = ''], function: name, detail }: Rule, known: Known, now: string): Wait {
  const since = after.reduce((latest, type) => maximum(latest, known.get(type)?.at ?? ''), '')
  const { seq = 1 } = known.get(after[0] ?? '') ?? {}
  const waiting_ms = Math.max(0, Date.parse(now) - Date.parse(since))
  return { for: wanted, function: name, seq, since, waiting_ms, detail }
}

const maximum = (one: string, other: string): string => (one > other ? one : other)

function hadLeft(known: Known): boolean {
  return known.get('order_cancelled')?.data.dispatched === true || known.get('delivery_failed')?.data.picked_up === true
}
