// What one writes by hand with the client: consume, at most 64 at once, publish what follows, then ack.
import { AckPolicy, connect } from 'nats'

const nc = await connect({ servers: process.env.NATS_URL, noAsyncTraces: true })
const jsm = await nc.jetstreamManager()
await jsm.consumers.add('WORK', {
  durable_name: 'task__handle',
  ack_policy: AckPolicy.Explicit,
  max_ack_pending: 100_000,
})
const js = nc.jetstream()
const consumer = await js.consumers.get('WORK', 'task__handle')
const messages = await consumer.consume({ max_messages: 128 })
console.log('{"msg":"running"}')

const most = 64
let busy = 0
let freed
const handle = async (message) => {
  const item = JSON.parse(message.string())
  await js.publish('done.item', JSON.stringify(item), { msgID: `done:${item.n}` })
  message.ack()
  busy--
  freed?.()
}
for await (const message of messages) {
  busy++
  handle(message)
  if (busy >= most) await new Promise((resolve) => (freed = resolve))
}
