import type { Config, Handler } from '../_contracts'

export const config = {
  mode: 'event',
  subject: 'events.*',
} satisfies Config

/** Every gateway hears every event and wakes the followers of its order; what happened they read from audit. */
export default ((_, { message, local }) => {
  if (message.subject !== 'events.inventory_adjusted') local.emit(message.body.order_id)
}) satisfies Handler<typeof config>
