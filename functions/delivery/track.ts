import type { Config, Handler } from '../_contracts'
import type { DeliveryRecord } from './_delivery'
import { fold } from './_fold'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'delivery',
  stores: ['deliveries'],
  replay: 'only',
} satisfies Config

/** Builds the records anew from what was decided; sends no courier. Live, the other functions keep them. */
export default (async (_, { message, store }) => {
  if (message.subject === 'events.inventory_adjusted') return
  await store<DeliveryRecord>('deliveries').update(message.body.order_id, (known) => fold(known, message))
}) satisfies Handler<typeof config>
