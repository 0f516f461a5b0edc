// What one writes by hand with the client: an order that is answered once its event and its record are durable.
import { randomUUID } from 'node:crypto'
import { connect, StorageType } from 'nats'

const nc = await connect({ servers: process.env.NATS_URL, noAsyncTraces: true })
const jsm = await nc.jetstreamManager()
await jsm.streams.add({ name: 'HAND_EVENTS', subjects: ['hand.events.*'], storage: StorageType.File })
const js = nc.jetstream()
const orders = await js.views.kv('hand_orders', { storage: StorageType.File })

async function create(order) {
  const order_id = randomUUID()
  const occurred_at = new Date().toISOString()
  const event = { ...order, order_id, occurred_at }
  await js.publish('hand.events.order_created', JSON.stringify(event), { msgID: order_id })
  const record = { ...order, order_id, status: 'created', updated_at: occurred_at }
  await orders.create(order_id, JSON.stringify(record))
  return { order_id, status: 'created' }
}

async function get({ order_id }) {
  const entry = await orders.get(order_id)
  if (!entry) return { missing: true }
  const { status, updated_at } = entry.json()
  return { order_id, status, updated_at }
}

const serve = (subject, handle) =>
  nc.subscribe(subject, {
    queue: 'order',
    async callback(error, message) {
      try {
        if (error) throw error
        message.respond(JSON.stringify(await handle(message.json())))
      } catch (thrown) {
        console.error(thrown)
      }
    },
  })
serve('hand.create_order', create)
serve('hand.get_order_status', get)
await nc.flush()
console.log('{"msg":"running"}')
