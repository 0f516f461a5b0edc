import * as assert from 'uvu/assert'
import track from '../../functions/order/track'
import { memoryStores } from '../support/memory_store'
import { random } from '../support/random'
import { suite } from '../support/suite'

const test = suite('order/track, handed a batch')

interface Event {
  id: string
  subject: string
  body: Record<string, unknown>
  attempt: number
}

const order_id = '0'.repeat(26)
const event = (type: string, facts: object = {}, order = order_id): Event => ({
  id: `${type}:${order}`,
  subject: `events.${type}`,
  body: { order_id: order, user_id: 'u-1', occurred_at: '2026-01-30T12:00:00.000Z', ...facts },
  attempt: 1,
})

const created = event('order_created', {
  items: [{ sku: 'a', qty: 1 }],
  address: 'x',
  payment_method: 'card',
  request_hash: 'h',
})
const declined = event('payment_declined', { reason: 'payment_declined' })
const asked = event('order_cancel_requested', { by: 'customer' })

/** What it stores and emits, handed these at once or one by one. */
async function handed(batches: Event[][]) {
  const { store } = memoryStores()
  const emitted: { subject: string; of: string | undefined }[] = []
  for (const messages of batches) {
    const context = {
      messages,
      store,
      emit: (subject: string, _: object, of?: Event) => void emitted.push({ subject, of: of?.id }),
      log: { warn() {} },
      replaying: false,
    }
    await (track as unknown as (_: unknown, context: object) => Promise<void>)(undefined, context)
  }
  return { record: await store<{ status: string }>('orders').get(order_id), emitted }
}

test('the cancel names the event that made it one, not another that might have', async () => {
  const { record, emitted } = await handed([
    [created, event('delivery_picked_up', { courier_id: 'c' }), asked, declined],
  ])
  assert.is(record?.status, 'cancelled')
  assert.equal(emitted, [{ subject: 'events.order_cancelled', of: declined.id }])
})

test('a repeat of a cause tells of the cancel again', async () => {
  const { emitted } = await handed([[created, asked], [asked]])
  assert.equal(
    emitted.map(({ of }) => of),
    [asked.id, asked.id],
  )
})

test('a batch comes to the same record as its events one by one', async () => {
  const choices = random()
  const others = [
    event('inventory_reserved', { items: [], amount: 1, currency: 'EUR', ledger_seq: 1 }),
    event('inventory_rejected', { reason: 'out_of_stock', sku: 'a' }),
    event('payment_captured', { payment_id: 'p', amount: 1, currency: 'EUR' }),
    event('delivery_assigned', { courier_id: 'c' }),
    event('delivery_picked_up', { courier_id: 'c' }),
    event('delivery_failed', { reason: 'nobody_home', picked_up: true }),
    event('delivery_completed', { courier_id: 'c' }),
  ]
  const all = [created, asked, declined, ...others]
  // What was decided now has this moment's time.
  const timeless = (record: object | undefined) => record && { ...record, updated_at: undefined }
  for (let round = 0; round < 500; round++) {
    const some = Array.from({ length: choices.whole(1, 8) }, () => choices.one(all))
    const atOnce = await handed([some])
    const oneByOne = await handed(some.map((one) => [one]))
    const told = `with SEED=${choices.seed}: ${some.map(({ id }) => id).join()}`
    assert.equal(timeless(atOnce.record), timeless(oneByOne.record), told)
    assert.is(atOnce.emitted.length > 0, oneByOne.emitted.length > 0, told)
  }
})

test.run()
