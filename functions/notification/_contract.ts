import { enums, type Infer, object } from 'superstruct'
import { message } from '../../runtime/types'
import { OrderId, text, UserId } from '../_fields'

export const Channel = enums(['email', 'push'])
export type Channel = Infer<typeof Channel>

const NotifyUser = object({
  notification_id: text(1, 200),
  user_id: UserId,
  order_id: OrderId,
  event: text(1, 64),
  channel: Channel,
  subject: text(1, 200),
  text: text(1, 2_000),
})
export type NotifyUser = Infer<typeof NotifyUser>

export default {
  'jobs.notify_user': message(NotifyUser, ({ notification_id }) => notification_id),
}
