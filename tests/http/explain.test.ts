import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Explanation } from '../../functions/audit/_contract'
import { startApp } from '../support/app'
import { manifestWith } from '../support/manifest'
import { readDiagram } from '../support/mermaid'
import { newOrder, openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('why an order is where it is, over HTTP')
type Shop = Awaited<ReturnType<typeof openShop>>
const opening = openShop()

const pathOf = (order: string) => `/api/v1/orders/${order}/explain`

async function explain({ send }: Shop, order: string): Promise<Explanation> {
  const { status, body, text } = await send('GET', pathOf(order))
  assert.is(status, 200, text)
  return body as unknown as Explanation
}

/** The explanation once all of these have happened. */
const explainAfter = (shop: Shop, order: string, ...types: string[]): Promise<Explanation> =>
  eventually(`${types} of ${order}`, async () => {
    const found = await explain(shop, order)
    return types.every((type) => found.steps.some((step) => step.type === type)) ? found : undefined
  })

const diagramOf = async ({ send }: Shop, order: string) =>
  send('GET', pathOf(order), { headers: { Accept: 'text/vnd.mermaid' } })

/** Each step as `type <- cause by function`, where a cause that is an event of the order has to be the one of that seq. */
const told = ({ steps }: Explanation): string[] =>
  steps.map(({ type, caused_by, by }) => {
    const cause = steps.find(({ seq }) => seq === caused_by?.seq)
    assert.is(cause?.type, caused_by?.seq && caused_by.name)
    return `${type} <- ${caused_by?.seq ? '' : 'a wish: '}${caused_by?.name} by ${by}`
  })

const toTheCourier = [
  'order_created <- a wish: rpc.create_order by order/create',
  'inventory_reserved <- order_created by inventory/reserve',
  'payment_captured <- inventory_reserved by payment/capture',
  'delivery_assigned <- payment_captured by delivery/assign',
]

test('an order that a courier has waits for the courier, and one that is delivered for nothing', async () => {
  const shop = await opening
  const id = await shop.order()
  await shop.reaches(id, 'assigned')
  const waiting = await explain(shop, id)
  assert.equal(told(waiting), toTheCourier)
  assert.is(waiting.status, 'assigned')
  assert.equal(
    waiting.waits_for.map(({ for: wanted, function: name, seq }) => [wanted, name, seq]),
    [['delivery_picked_up', 'delivery/update', waiting.steps[3]?.seq]],
  )
  for (const status of ['picked_up', 'delivered']) {
    await shop.send('POST', `/api/v1/deliveries/${id}/status`, { body: { status } })
  }
  const ended = await explainAfter(shop, id, 'delivery_completed', 'inventory_shipped')
  assert.equal(ended.waits_for, [])
  assert.equal(ended.notes, [])
  assert.is(ended.status, 'delivered')
  // Whichever of the two finishes the report, it follows from the same job.
  const rest = told(ended).map((line) => line.replace('delivery/report', 'delivery/update'))
  assert.equal(rest.slice(4).toSorted(), [
    'delivery_completed <- a wish: update_delivery:delivered by delivery/update',
    'delivery_picked_up <- a wish: update_delivery:picked_up by delivery/update',
    'inventory_shipped <- delivery_picked_up by inventory/ship',
  ])
  assert.is(ended.total_ms, Date.parse(ended.steps.at(-1)?.at ?? '') - Date.parse(ended.steps[0]?.at ?? ''))
})

test('a cancel and all that it undoes follow from what the customer asked', async () => {
  const shop = await opening
  const id = await shop.order()
  await shop.reaches(id, 'assigned')
  await shop.send('POST', `/api/v1/orders/${id}/cancel`, { body: { reason: 'no; never #1\n"sorry" 👋' } })
  const ended = await explainAfter(shop, id, 'inventory_released', 'payment_refunded')
  const after = told(ended).slice(4)
  assert.is(after[0], 'order_cancel_requested <- a wish: rpc.cancel_order by order/cancel')
  assert.match(after[1] ?? '', /^order_cancelled <- order_cancel_requested by order\/(cancel|track)$/)
  assert.equal(after.slice(2).toSorted(), [
    'inventory_released <- order_cancelled by inventory/release',
    'payment_refunded <- order_cancelled by payment/refund',
  ])
  assert.equal(ended.waits_for, [])
  const { arrows } = readDiagram((await diagramOf(shop, id)).text)
  assert.ok(arrows.some(({ text }) => text.endsWith('(no; never #1 "sorry" 👋)')))
})

test('a refund that nobody makes is what the order waits for', async () => {
  const shop = await openShop({ args: ['--except', 'payment/refund'] })
  const id = await shop.order()
  await shop.reaches(id, 'assigned')
  await shop.send('POST', `/api/v1/orders/${id}/cancel`)
  const { status, waits_for, steps } = await explainAfter(shop, id, 'inventory_released')
  assert.is(status, 'cancelled')
  const cancelled = steps.find(({ type }) => type === 'order_cancelled')
  assert.equal(
    waits_for.map(({ for: wanted, function: name, seq, since }) => [wanted, name, seq, since]),
    [['payment_refunded', 'payment/refund', cancelled?.seq, cancelled?.at]],
  )
  const { notes } = readDiagram((await diagramOf(shop, id)).text)
  assert.match(notes.at(-1)?.text ?? '', /^waits for payment_refunded from payment\/refund, \d/)
  await startApp(shop.broker, { args: ['--only', 'payment/refund'] })
  assert.equal((await explainAfter(shop, id, 'payment_refunded')).waits_for, [])
})

/** The project's manifest with `inventory/reserve` from this source, which finds the real one as `reserve`. */
async function reserving(source: string): Promise<string[]> {
  const manifest = await manifestWith((functions) => {
    for (const entry of functions) {
      entry.policy.ackWaitMs = 1_000
      if (entry.name === 'inventory/reserve') entry.bundle = 'own.mjs'
    }
  })
  const real = './dist/functions/inventory/reserve.mjs'
  const whole = `import reserve from '${real}'\nexport * from '${real}'\n${source}`
  await writeFile(join(dirname(manifest), 'own.mjs'), whole)
  return ['--manifest', manifest]
}

const reservedIn = ({ steps }: Explanation) => steps.find(({ type }) => type === 'inventory_reserved')

test('a function that fails once is told with its second attempt', async () => {
  const source = `
    let failed = false
    export default (...given) => {
      if (failed) return reserve(...given)
      failed = true
      throw new Error('once')
    }`
  const shop = await openShop({ args: await reserving(source) })
  const [first, second] = [await shop.order(), await shop.order()]
  const attempts = await Promise.all(
    [first, second].map(async (id) => reservedIn(await explainAfter(shop, id, 'delivery_assigned'))?.attempts ?? 0),
  )
  assert.equal(attempts.toSorted(), [1, 2])
})

test('a function that is killed at its first attempt is told with a later one', async () => {
  const shop = await openShop({ args: ['--except', 'inventory/reserve'] })
  const only = ['--only', 'inventory/reserve']
  const holds = `export default (_, { log }) => {
    log.info({}, 'holding')
    return new Promise(() => undefined)
  }`
  const first = await startApp(shop.broker, { args: [...only, ...(await reserving(holds))] })
  const id = await shop.order()
  await eventually('the order to be held', () => first.log().some(({ msg }) => msg === 'holding'))
  const { waits_for } = await explain(shop, id)
  assert.is(waits_for[0]?.function, 'inventory/reserve')
  await first.end('SIGKILL')
  await startApp(shop.broker, { args: [...only, ...(await reserving('export default reserve'))] })
  const step = reservedIn(await explainAfter(shop, id, 'delivery_assigned'))
  assert.ok((step?.attempts ?? 0) > 1, `attempts: ${step?.attempts}`)
  assert.ok((step?.took_ms ?? 0) > 0)
})

test('an order that another system published, without a header, is explained all the same', async () => {
  const shop = await opening
  const wire = await openWire(shop.broker)
  const id = 'F'.repeat(26)
  const { items, address, payment_method, user_id } = newOrder()
  const fields = { occurred_at: new Date().toISOString(), request_hash: 'x', items, address, payment_method, user_id }
  const seq = await wire.store('events.order_created', { order_id: id, ...fields })
  const { steps } = await explainAfter(shop, id, 'delivery_assigned')
  const [created, reserved] = steps
  assert.equal(
    [created?.seq, created?.by, created?.caused_by, created?.attempts],
    [seq, undefined, undefined, undefined],
  )
  assert.equal(reserved?.caused_by, { name: 'order_created', seq })
  readDiagram((await diagramOf(shop, id)).text)
  const unknown = 'E'.repeat(26)
  const money = { payment_id: 'p', amount: 5, currency: 'USD' }
  await wire.store('events.payment_captured', { order_id: unknown, user_id, occurred_at: fields.occurred_at, ...money })
  const alone = await explainAfter(shop, unknown, 'delivery_assigned')
  assert.is(alone.status, 'assigned')
  assert.equal(alone.steps[0]?.caused_by, undefined)
})

test('the history shows none of what audit keeps for it', async () => {
  const shop = await opening
  const id = await shop.order()
  const { body } = await shop.send('GET', `/api/v1/orders/${id}/history`)
  const [event] = (body as { events: object[] }).events
  assert.equal(Object.keys(event ?? {}), ['seq', 'type', 'order_id', 'at', 'data'])
})

test('JSON unless a diagram is asked for, and caches are told that it depends', async () => {
  const shop = await opening
  const id = await shop.order()
  await shop.reaches(id, 'assigned')
  for (const accept of [undefined, '*/*', 'application/json', 'text/html', 'image/png']) {
    const answer = await shop.send('GET', pathOf(id), accept === undefined ? {} : { headers: { Accept: accept } })
    assert.is(answer.status, 200)
    assert.is(answer.headers.get('content-type'), 'application/json', accept)
    assert.is(answer.headers.get('vary'), 'Accept')
  }
  const diagram = await diagramOf(shop, id)
  assert.is(diagram.headers.get('content-type'), 'text/vnd.mermaid; charset=utf-8')
  assert.is(diagram.headers.get('vary'), 'Accept')
  assert.ok(readDiagram(diagram.text).arrows.some(({ text }) => text.startsWith('delivery_assigned')))
  const unknown = await diagramOf(shop, '0'.repeat(26))
  assert.equal([unknown.status, unknown.headers.get('content-type')], [404, 'application/problem+json'])
})

test.run()
