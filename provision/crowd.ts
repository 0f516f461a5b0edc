import type { JetStream } from '../runtime/nats/jetstream'
import type { Log } from '../runtime/types'
import type { ConsumerInfo, ConsumerSpec } from './consumers'

const nearly = 0.8

/** An alarm before the messages that wait for their time are so many that the broker delivers no other. */
export async function warnOfCrowd(js: JetStream, { stream, name }: ConsumerSpec, log: Log): Promise<void> {
  try {
    const { num_ack_pending: unacked, config } = await js.api<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`)
    const most = Number(config.max_ack_pending)
    if (unacked < nearly * most) return
    log.error({ consumer: name, unacked, most }, 'nearly as many messages wait as the broker holds for this function')
  } catch (error) {
    log.debug({ err: error, consumer: name }, 'how many messages wait is not known')
  }
}
