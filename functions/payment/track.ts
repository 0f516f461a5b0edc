import type { Config, Handler } from '../_contracts'
import { fold } from './_fold'
import type { Payment } from './_payment'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'payment',
  stores: ['payments'],
  replay: 'only',
} satisfies Config

/** Builds the records anew from what was decided; asks nobody for money. Live, capture and refund keep them. */
export default (async (_, { message, store }) => {
  if (message.subject === 'events.inventory_adjusted') return
  await store<Payment>('payments').update(message.body.order_id, (known) => fold(known, message))
}) satisfies Handler<typeof config>
