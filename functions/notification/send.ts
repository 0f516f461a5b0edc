import { step } from '../../runtime/failpoint'
import type { Config, Handler } from '../_contracts'
import { senders } from './_channels'

export const config = {
  mode: 'job',
  subject: 'jobs.notify_user',
  queue: 'notification',
} satisfies Config

export default (async (notification, { log }) => {
  const { channel } = notification
  await step(`call ${channel}.send`, () => senders[channel].send(notification, log))
}) satisfies Handler<typeof config>
