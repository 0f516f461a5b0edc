import * as assert from 'uvu/assert'
import { orderId } from '../../functions/order/_identity'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { postgresSuite } from '../support/postgres'
import { newOrder, shopAt } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

interface Page {
  orders: { order_id: string; status: string }[]
  next_cursor?: string
}

const postgres = postgresSuite('the orders of a user, in PostgreSQL')

listing(suite('the orders of a user, in key-value buckets'), async () => ({}))
listing(postgres.test, async () => ({ DATABASE_URL: await (await postgres.database()).another() }))

function listing(test: ReturnType<typeof suite>, environment: () => Promise<Record<string, string>>): void {
  let shared: ReturnType<typeof open> | undefined
  const opened = () => {
    shared ??= open()
    return shared
  }

  async function open() {
    const broker = await startBroker()
    const shop = shopAt(broker, await startApp(broker, { env: await environment() }))
    const list = async (user: string, query = '') => {
      const { status, body } = await shop.send('GET', `/api/v1/orders?user_id=${encodeURIComponent(user)}${query}`)
      assert.is(status, 200, JSON.stringify(body))
      return body as unknown as Page
    }
    /** All pages, one after the other; `between` is called after each. */
    const all = async (user: string, limit: number, between: () => unknown = () => {}) => {
      const pages: Page[] = []
      for (let cursor = ''; ; cursor = `&cursor=${pages.at(-1)?.next_cursor}`) {
        pages.push(await list(user, `&limit=${limit}${cursor}`))
        if (pages.at(-1)?.next_cursor === undefined) return pages
        await between()
      }
    }
    return { ...shop, list, all, wire: await openWire(broker) }
  }

  const idsOf = (pages: Page[]) => pages.flatMap(({ orders }) => orders.map(({ order_id }) => order_id))

  test('an unknown user has none', async () => {
    assert.equal(await (await opened()).list('nobody'), { orders: [] })
  })

  test('what was answered 201 is there in a moment, with the status that it has', async () => {
    const { list, order, reaches, send } = await opened()
    const user_id = "ä 'x'/\u0000*.>"
    const id = await order({ user_id })
    await eventually('the order to be in the list', async () => (await list(user_id)).orders.length === 1)
    await reaches(id, 'assigned')
    assert.is((await list(user_id)).orders[0]?.status, 'assigned')
    await send('POST', `/api/v1/orders/${id}/cancel`, { body: { reason: 'too late' } })
    const { orders, next_cursor } = await list(user_id)
    const { updated_at: _, ...told } = orders[0] as unknown as Record<string, unknown>
    assert.equal(told, { order_id: id, status: 'cancelled', reason: 'too late', cancelled_by: 'customer' })
    assert.is(next_cursor, undefined)
  })

  test('250 orders, some at the same moment, come newest first, each once, while new ones come', async () => {
    const { list, all, wire, order } = await opened()
    const user = 'u-250'
    // Seven a millisecond, so that the id decides; handed in an order that is not theirs.
    const made = Array.from({ length: 250 }, (_, index) => ({
      id: orderId(user, String(index)),
      at: new Date(Date.UTC(2026, 0, 30) + Math.floor(index / 7)).toJSON(),
    }))
    const expected = made.toSorted((one, other) => (one.at + one.id < other.at + other.id ? 1 : -1)).map(({ id }) => id)
    const handed = made.map((_, index) => made[index ^ 1] ?? (made[index] as (typeof made)[0]))
    for (const { id, at } of handed) await wire.store('events.order_created', created(user, id, at))
    await eventually('all to be in the list', async () => idsOf(await all(user, 100)).length === 250)
    assert.equal(idsOf(await all(user, 100)), expected)
    assert.equal(
      (await all(user, 100)).map(({ orders }) => orders.length),
      [100, 100, 50],
    )

    let more = 0
    const paged = await all(user, 7, async () => {
      if (more++ < 3) await order({ user_id: user })
    })
    assert.equal(idsOf(paged), expected)
    assert.equal((await list(user)).orders.length, 20)
    await eventually('the new ones to be first', async () => {
      return (
        idsOf(await all(user, 100))
          .slice(3)
          .join() === expected.join()
      )
    })
    // Exactly as many as are left make the last page.
    const pages = await all(user, 23)
    assert.equal([pages.length, pages.at(-1)?.orders.length, pages.at(-1)?.next_cursor], [11, 23, undefined])
  })

  test('an event that comes again changes nothing, and one that comes late has its place', async () => {
    const { all, wire, list } = await opened()
    const user = 'u-again'
    const made = Array.from({ length: 305 }, (_, index) => ({
      id: orderId(user, String(index)),
      at: new Date(Date.UTC(2026, 0, 30) + index).toJSON(),
    }))
    const [late, ...others] = made
    for (const { id, at } of others) await wire.store('events.order_created', created(user, id, at))
    await eventually('all to be in the list', async () => idsOf(await all(user, 100)).length === 304)
    for (const { id, at } of [...made.slice(1, 20), late, ...made.slice(-5)] as typeof made) {
      await wire.store('events.order_created', created(user, id, at))
    }
    const last = made.map(({ id }) => id).reverse()
    await eventually('the late one to be the last', async () => idsOf(await all(user, 100)).length >= 305)
    await eventually('the repeats to be handled', async () => {
      const { num_pending, num_ack_pending } = await wire.durable('EVENTS', 'order/track')
      return num_pending + num_ack_pending === 0
    })
    assert.equal(idsOf(await all(user, 100)), last)
    assert.equal(idsOf(await all(user, 9)), last)
    assert.is((await list(user, '&limit=1')).orders[0]?.order_id, last[0])
  })

  for (const [query, pointer] of [
    ['', '#/user_id'],
    ['?user_id=', '#/user_id'],
    [`?user_id=${'x'.repeat(129)}`, '#/user_id'],
    ['?user_id=u&limit=0', '#/limit'],
    ['?user_id=u&limit=101', '#/limit'],
    ['?user_id=u&limit=ten', '#/limit'],
    ['?user_id=u&limit=', '#/limit'],
    ['?user_id=u&cursor=', '#/cursor'],
    ['?user_id=u&cursor=W10', '#/cursor'],
    [`?user_id=u&cursor=${cursorOf('now')}`, '#/cursor'],
    [`?user_id=u&cursor=${cursorOf('0000-01-01T00:00:00.000Z')}`, '#/cursor'],
    [`?user_id=u&cursor=${cursorOf('2026-02-31T00:00:00.000Z')}`, '#/cursor'],
    [`?user_id=u&cursor=${cursorOf('2026-01-30T12:00:00.000Z', 'x')}`, '#/cursor'],
  ] as const) {
    test(`GET /api/v1/orders${query.slice(0, 60)} is refused for ${pointer}`, async () => {
      const { status, body } = await (await opened()).send('GET', `/api/v1/orders${query}`)
      assert.is(status, 400)
      assert.equal(
        (body as { errors: { pointer: string }[] }).errors.map((error) => error.pointer),
        [pointer],
      )
    })
  }

  test.run()
}

function cursorOf(at: string, id = '0'.repeat(26)): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url')
}

/** An order that nobody can fill, so that it ends at once. */
function created(user_id: string, order_id: string, occurred_at: string) {
  const { items: _, ...rest } = newOrder({ user_id })
  return { ...rest, order_id, occurred_at, items: [{ sku: 'no-such-thing', qty: 1 }], request_hash: 'h' }
}
