import type { Config, Handler } from '../_contracts'
import { channelsOf } from './_contacts'
import { texts } from './_texts'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'notification',
  emits: ['jobs.notify_user'],
  batch: 250,
  // A user waits for no notification, so it is cheaper to hand on many at once.
  gatherMs: 50,
  concurrency: 8,
} satisfies Config

/** One job for each order event and channel, named for both, so that an event that comes again makes no second one. */
export default (async (_, { messages, emit }) => {
  for (const message of messages) {
    const { subject, body } = message
    if (subject === 'events.inventory_adjusted') continue
    const { order_id, user_id } = body
    const event = subject.slice('events.'.length)
    const told = texts[event]?.(order_id)
    if (!told) continue
    for (const channel of await channelsOf(user_id)) {
      const notification_id = `${event}:${order_id}:${channel}`
      emit('jobs.notify_user', { notification_id, user_id, order_id, event, channel, ...told }, message)
    }
  }
}) satisfies Handler<typeof config>
