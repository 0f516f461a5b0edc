import type { Log } from '../../runtime/types'
import type { Channel, NotifyUser } from './_contract'

/** Brings a notification to the user. It may be asked twice for the same `notification_id`. */
export interface Sender {
  send(notification: NotifyUser, log: Log): Promise<void>
}

/** Writes a log line in place of a message. */
const toLog: Sender = {
  async send({ user_id, order_id, event, channel }, log) {
    log.info({ user: user_id, order: order_id, event, channel }, 'notified')
  },
}

export const senders: Record<Channel, Sender> = { email: toLog, push: toLog }
