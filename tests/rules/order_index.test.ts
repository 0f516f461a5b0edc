import * as assert from 'uvu/assert'
import { orderId } from '../../functions/order/_identity'
import { headOf, indexOrders, type Shelf } from '../../functions/order/_index'
import type { CreatedOrder, Order } from '../../functions/order/_machine'
import { cursorOf, entryOf, ordersOf } from '../../functions/order/_pages'
import { memoryStores } from '../support/memory_store'
import { random } from '../support/random'
import { suite } from '../support/suite'

const test = suite('the list of a user’s orders on a key-value store')

const seed = Number(process.env.SEED ?? Date.now() % 100_000)
const user_id = 'u-1'

const made = (count: number): CreatedOrder[] =>
  Array.from({ length: count }, (_, index) => {
    const occurred_at = new Date(Date.UTC(2026, 0, 30) + Math.floor(index / 3)).toJSON()
    const created = { items: [], address: 'x', payment_method: 'card' as const, request_hash: 'h', occurred_at }
    return { order_id: orderId(user_id, String(index)), user_id, status: 'created', updated_at: occurred_at, created }
  })

const newest = (orders: CreatedOrder[]) =>
  orders
    .toSorted((one, other) =>
      one.created.occurred_at + one.order_id < other.created.occurred_at + other.order_id ? 1 : -1,
    )
    .map(({ order_id }) => order_id)

async function stored(orders: CreatedOrder[]) {
  const memory = memoryStores()
  for (const order of orders) await memory.store<Order>('orders').update(order.order_id, () => order)
  const shelves = memory.store<Shelf>('orders_of')
  const listed = async (limit: number) => {
    const ids: string[] = []
    for (let after: ReturnType<typeof entryOf>; ; ) {
      const page = await ordersOf(memory.store<Order>('orders'), shelves, { user_id, limit, after })
      ids.push(...page.orders.map(({ order_id }) => order_id))
      if (!page.next) return ids
      after = entryOf(cursorOf(page.next))
    }
  }
  return { ...memory, shelves, listed }
}

/** In batches of up to a hundred, as `order/track` is handed them. */
function batches(orders: CreatedOrder[], choices: ReturnType<typeof random>): CreatedOrder[][] {
  const left = [...orders]
  const all: CreatedOrder[][] = []
  while (left.length > 0) all.push(left.splice(0, choices.whole(1, 100)))
  return all
}

test(`whatever order they come in, each stands once in its place (SEED=${seed})`, async () => {
  const choices = random(seed)
  const orders = made(900)
  for (const shuffled of [orders, orders.toReversed(), orders.toSorted(() => choices.whole(0, 1) - 0.5)]) {
    const { shelves, listed } = await stored(orders)
    for (const batch of batches(shuffled, choices)) {
      await indexOrders(shelves, batch)
      await indexOrders(shelves, [choices.one(shuffled)])
    }
    for (const order of shuffled) await indexOrders(shelves, [order])
    for (const limit of [1, 7, 100, 1_000]) assert.equal(await listed(limit), newest(orders), `${limit} a page`)
    const head = await shelves.get(headOf(user_id))
    assert.ok((head?.entries.length ?? 0) <= 200)
    assert.is(head?.count, 900)
  }
})

test('orders that are noted and not there end no list', async () => {
  const orders = made(60)
  const { shelves, listed } = await stored(orders.filter((_, index) => index % 7 !== 3))
  await indexOrders(shelves, orders)
  const there = newest(orders.filter((_, index) => index % 7 !== 3))
  for (const limit of [1, 2, 20, 100]) assert.equal(await listed(limit), there, `${limit} a page`)
})

test('a process that dies before any of its writes loses none and doubles none', async () => {
  const orders = made(450)
  for (let write = 1; write <= 12; write++) {
    const { shelves, listed, fail, writes } = await stored(orders)
    fail(writes() + write)
    let deaths = 0
    for (let from = 0; from < orders.length; from += 90) {
      const batch = orders.slice(from, from + 90)
      await indexOrders(shelves, batch).catch(() => {
        deaths++
        return indexOrders(shelves, batch)
      })
    }
    assert.ok(deaths > 0 || write > 8)
    assert.equal(await listed(50), newest(orders))
  }
})

test('many who write at once lose none and double none', async () => {
  const choices = random(seed)
  const orders = made(800)
  const { shelves, listed } = await stored(orders)
  // Each step waits a turn, so that all of them are in between.
  const slow = {
    get: async (key: string) => {
      await new Promise(setImmediate)
      return shelves.get(key)
    },
    update: (async (key, change) => {
      await new Promise(setImmediate)
      return shelves.update(key, change)
    }) as typeof shelves.update,
  }
  const twice = [...batches(orders, choices), ...batches(orders, choices)]
  await Promise.all(twice.map((batch) => indexOrders(slow, batch)))
  assert.equal(await listed(100), newest(orders))
})

test('each user has a list of its own, whatever the name', async () => {
  const { shelves, listed } = await stored(made(1))
  const names = [user_id, 'u-2', '', '\ud800', '\ud801', '\u0000', 'a.b', '*', '>']
  assert.is(new Set(names.map(headOf)).size, names.length)
  for (const name of names) assert.match(headOf(name), /^[\w-]{43}$/)
  await indexOrders(shelves, [...made(1), { ...(made(2)[1] as CreatedOrder), user_id: 'u-2' }])
  assert.equal(await listed(10), newest(made(1)))
})

test.run()
