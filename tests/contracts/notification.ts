import type { Fixtures } from './fixture'
import { one, orderId, text, user } from './kinds'

const named = `order_created:${orderId.right[0]}:email`
const notification = text(200)

export default {
  'jobs.notify_user': {
    fields: {
      notification_id: { ...notification, right: [named, ...notification.right] },
      user_id: user,
      order_id: orderId,
      event: text(64),
      channel: one('email', 'push'),
      subject: text(200),
      text: text(2_000),
    },
    id: named,
  },
} satisfies Fixtures
