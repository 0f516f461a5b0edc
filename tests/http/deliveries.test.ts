import * as assert from 'uvu/assert'
import { pointers, problemType } from '../support/http_client'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('POST /api/v1/deliveries/{order_id}/status')
const opening = openShop()

const report = async (order: string, body: unknown) =>
  (await opening).send('POST', `/api/v1/deliveries/${order}/status`, { body })

const assigned = async () => {
  const { order, reaches } = await opening
  const id = await order()
  await reaches(id, 'assigned')
  return id
}

interface Event {
  type: string
  data: Record<string, unknown>
}

const events = async (order: string): Promise<Event[]> => {
  const { body } = await (await opening).send('GET', `/api/v1/orders/${order}/history`)
  return (body as unknown as { events: Event[] }).events
}
const count = async (order: string, type: string) => (await events(order)).filter((event) => event.type === type).length

const told = { picked_up: 'delivery_picked_up', delivered: 'delivery_completed', failed: 'delivery_failed' } as const
type Status = keyof typeof told

const paths: Status[][] = [['picked_up', 'delivered'], ['failed'], ['picked_up', 'failed']]
for (const path of paths) {
  test(`assigned -> ${path.join(' -> ')}: each answers 200, a repeat the same, and is told once`, async () => {
    const id = await assigned()
    for (const status of path) {
      const first = await report(id, { status })
      assert.is(first.status, 200)
      const { order_id, status: now, courier_id } = first.body as Record<string, string>
      assert.equal([order_id, now], [id, status])
      assert.match(courier_id ?? '', /^courier-\d+$/)
      const repeat = await report(id, { status, note: 'again' })
      assert.is(repeat.status, 200)
      assert.equal(repeat.body, first.body)
      await eventually(`${status} to be told`, () => count(id, told[status]))
    }
    for (const status of path) assert.is(await count(id, told[status]), 1)
  })
}

const refusals: [path: Status[], then: Status[]][] = [
  [[], ['delivered']],
  [
    ['picked_up', 'delivered'],
    ['picked_up', 'failed'],
  ],
  [['failed'], ['picked_up', 'delivered']],
  [
    ['picked_up', 'failed'],
    ['picked_up', 'delivered'],
  ],
]
for (const [path, then] of refusals) {
  test(`${['assigned', ...path].join(' -> ')} is not followed by ${then.join(' or ')}`, async () => {
    const id = await assigned()
    for (const status of path) await report(id, { status })
    for (const status of then) {
      const answer = await report(id, { status })
      assert.is(answer.status, 409)
      assert.is(problemType(answer), '/problems/not-allowed-now')
    }
  })
}

test('twenty pick-ups at once are one', async () => {
  const id = await assigned()
  const answers = await Promise.all(Array.from({ length: 20 }, () => report(id, { status: 'picked_up' })))
  assert.equal([...new Set(answers.map(({ status, text }) => `${status} ${text}`))].length, 1)
  await eventually('the pick-up to be told', () => count(id, 'delivery_picked_up'))
  assert.is(await count(id, 'delivery_picked_up'), 1)
})

test('a cancelled order is picked up by nobody', async () => {
  const id = await assigned()
  assert.is((await (await opening).send('POST', `/api/v1/orders/${id}/cancel`)).status, 200)
  const answer = await report(id, { status: 'picked_up' })
  assert.is(answer.status, 409)
  assert.is(problemType(answer), '/problems/not-allowed-now')
  assert.is(await count(id, 'delivery_picked_up'), 0)
})

test('a pick-up and a cancel at once: one is a 200, the other a 409', async () => {
  const { send } = await opening
  for (let round = 0; round < 10; round++) {
    const id = await assigned()
    const both = [report(id, { status: 'picked_up' }), send('POST', `/api/v1/orders/${id}/cancel`)]
    const statuses = (await Promise.all(both)).map(({ status }) => status)
    assert.equal(statuses.toSorted(), [200, 409])
  }
})

for (const note of ['.', '😀'.repeat(200)]) {
  test(`a note of ${[...note].length} characters goes with a failure`, async () => {
    const id = await assigned()
    assert.is((await report(id, { status: 'failed', note })).status, 200)
    const failed = await eventually('the failure to be told', async () =>
      (await events(id)).find(({ type }) => type === 'delivery_failed'),
    )
    const { reason, picked_up, note: kept } = failed.data
    assert.equal({ reason, picked_up, kept }, { reason: 'delivery_failed', picked_up: false, kept: note })
    await (await opening).reaches(id, 'cancelled')
  })
}

const refused: [what: string, body: unknown, pointers: string[]][] = [
  ['no status', {}, ['#/status']],
  ['a status that nobody reports', { status: 'assigned' }, ['#/status']],
  ['an empty note', { status: 'failed', note: '' }, ['#/note']],
  ['too long a note', { status: 'failed', note: 'n'.repeat(201) }, ['#/note']],
  ['an unknown field', { status: 'failed', courier_id: 'c' }, ['#/courier_id']],
  ['another order', { status: 'failed', order_id: '0'.repeat(26) }, ['#/order_id']],
  ['no body', '', ['#']],
]
for (const [what, body, expected] of refused) {
  test(`refuses ${what}`, async () => {
    const answer = await report('0'.repeat(26), body)
    assert.is(answer.status, 400)
    assert.equal(pointers(answer), expected)
  })
}

test.run()
