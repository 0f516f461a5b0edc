import * as assert from 'uvu/assert'
import { openAudit, type Told } from '../support/audit'
import { random } from '../support/random'
import { suite } from '../support/suite'
import { at, lives, order_id, type Step, step, told } from './order_lives'

const test = suite('the books')

const delivered = lives.delivered as Step[]
const cancelled = lives['cancelled when paid'] as Step[]
const without = (steps: Step[], ...types: string[]) => steps.filter(({ type }) => !types.includes(type))
const other = (steps: Step[], type: string, more: object) =>
  steps.map((one) => (one.type === type ? step(type, more) : one))

for (const [life, steps] of Object.entries(lives)) {
  test(`balance for an order that is ${life}`, async () => {
    const audit = openAudit()
    await audit.read(told(steps))
    const { balanced, violations, pending, orders, open_orders } = await audit.books()
    assert.equal({ balanced, violations, pending }, { balanced: true, violations: [], pending: 0 })
    assert.equal([orders, open_orders], [1, Number(life === 'just placed' || life === 'on its way')])
  })
}

/** What breaks a law, and which; `later` where its counterpart may still come. */
const planted: [what: string, steps: Step[], laws: string[], later?: true][] = [
  ['a hold without an order', without(delivered, 'order_created'), ['hold_has_order'], true],
  ['a capture twice', [...delivered, step('payment_captured', { payment_id: 'p-2' })], ['captured_once']],
  ['a capture that is not the amount', other(delivered, 'payment_captured', { amount: 199 }), ['captured_is_amount']],
  ['a capture in other money', other(delivered, 'payment_captured', { currency: 'EUR' }), ['captured_is_amount']],
  ['a capture without a hold', [step('order_created'), step('payment_captured')], ['captured_is_amount'], true],
  ['a capture that was declined', [...delivered, step('payment_declined')], ['captured_or_declined']],
  [
    'a refund without a capture',
    [...(lives.declined as Step[]), step('payment_refunded')],
    ['refunded_has_capture'],
    true,
  ],
  ['a refund twice', [...cancelled, step('payment_refunded', { payment_id: 'p-2' })], ['refunded_at_most_captured']],
  [
    'a refund of more than was captured',
    other(cancelled, 'payment_refunded', { amount: 201 }),
    ['refunded_at_most_captured', 'cancelled_is_refunded'],
  ],
  [
    'a refund of less than was captured',
    other(cancelled, 'payment_refunded', { amount: 199 }),
    ['cancelled_is_refunded'],
  ],
  ['a refund that never comes', without(cancelled, 'payment_refunded'), ['cancelled_is_refunded'], true],
  ['a release that never comes', without(cancelled, 'inventory_released'), ['cancelled_hold_is_closed'], true],
  [
    'a release without a hold',
    [step('order_created'), step('inventory_released')],
    ['released_is_cancelled', 'closed_has_hold'],
    true,
  ],
  [
    'a release of other goods',
    other(cancelled, 'inventory_released', { items: [{ sku: 'moka-pot', qty: 1 }] }),
    ['closed_is_hold'],
  ],
  [
    'a release of goods that had left',
    [...(lives['failed with the goods'] as Step[]), step('inventory_released', { ledger_seq: 4 })],
    ['hold_closed_once', 'cancelled_hold_is_closed'],
  ],
  [
    'goods shipped for a cancelled order',
    [...cancelled.slice(0, -2), step('inventory_shipped'), step('payment_refunded')],
    ['cancelled_hold_is_closed'],
  ],
  ['a hold decided again', [...delivered, step('inventory_reserved', { ledger_seq: 9 })], ['decided_once']],
  ['a hold that was refused', [...delivered, step('inventory_rejected')], ['reserved_or_rejected']],
  [
    'two final statuses',
    [...cancelled, step('delivery_completed')],
    ['one_final_status', 'delivered_is_shipped', 'delivered_keeps_money', 'delivered_keeps_goods'],
  ],
  [
    'a delivery that was refunded',
    [...delivered, step('payment_refunded')],
    ['refunded_is_cancelled', 'delivered_keeps_money'],
  ],
  [
    'a delivery that was released',
    [...delivered, step('inventory_released', { ledger_seq: 4 })],
    ['released_is_cancelled', 'hold_closed_once', 'delivered_keeps_goods'],
  ],
  ['a delivery that nobody paid', without(delivered, 'payment_captured'), ['delivered_is_captured'], true],
  ['a delivery of nothing', without(delivered, 'inventory_shipped'), ['delivered_is_shipped'], true],
  [
    'a refund without a cancel',
    [...(lives['on its way'] as Step[]), step('payment_refunded')],
    ['refunded_is_cancelled'],
    true,
  ],
  [
    'a failure that cancels nothing',
    [step('order_created'), step('inventory_rejected')],
    ['failure_is_cancelled'],
    true,
  ],
]
for (const [what, steps, laws, later] of planted) {
  test(`find ${what}`, async () => {
    const audit = openAudit()
    await audit.read(told(steps))
    const found = await audit.books()
    assert.is(found.balanced, false)
    const ofOrder = found.violations.filter((one) => one.order_id === order_id && one.detail)
    assert.equal(
      ofOrder.map(({ law }) => law),
      laws,
    )
    const early = await audit.books({ now: Date.parse(at(steps.length)), graceMs: 60_000 })
    assert.is(early.balanced, later === true, 'only what can still be put right may wait')
    if (later) assert.ok((early.pending ?? 0) >= 1)
  })
}

test('find stock below zero, and in which SKU', async () => {
  const audit = openAudit()
  const orders = ['0', '1', '2', '3', '4', '5'].map((digit) => digit.repeat(26))
  const steps = orders.flatMap((order, index) => [
    step('order_created', {}, order),
    step('inventory_reserved', { ledger_seq: index + 2 }, order),
  ])
  await audit.read(told(steps))
  const { violations } = await audit.books()
  assert.equal(violations, [
    { law: 'available_not_below_zero', sku: 'moka-pot', detail: '10 on hand, 12 reserved, after decision 7' },
  ])
})

test('what was awaited and came is no violation any more', async () => {
  const audit = openAudit()
  const all = told(cancelled)
  await audit.read(all.slice(0, -1))
  assert.is((await audit.books()).balanced, false)
  await audit.read(all.slice(-1))
  assert.is((await audit.books()).balanced, true)
})

test('a repeat that says the same, however late and often, changes nothing', async () => {
  const audit = openAudit()
  const all = told(delivered)
  await audit.read(all)
  const once = await audit.books()
  await audit.read(all.map((one) => ({ ...one, seq: one.seq + 100 })))
  const twice = await audit.books()
  assert.equal({ ...twice, as_of_seq: 0, events: 0 }, { ...once, as_of_seq: 0, events: 0 })
  assert.is(twice.events, once.events)
})

test('an event that stands in one page twice counts once', async () => {
  for (const steps of Object.values(lives)) {
    const all = told(steps)
    const once = openAudit()
    await once.read(all)
    for (const page of [all.flatMap((one) => [one, one]), [...all, ...all], [...all, ...all.slice(1, -1)]]) {
      const twice = openAudit()
      await twice.read(page)
      assert.equal(await twice.books(), await once.books())
      assert.equal(twice.dump(), once.dump())
    }
  }
})

test('another order_created or cancel_requested of an order decides nothing', async () => {
  const audit = openAudit()
  await audit.read(
    told([...cancelled, step('order_created', { request_hash: 'x' }), step('order_cancel_requested', { reason: 'x' })]),
  )
  assert.is((await audit.books()).balanced, true)
})

test('what comes late, redriven or out of its turn, counts as if it had come in its place', async () => {
  const choices = random()
  for (let round = 0; round < 100; round++) {
    const all = mixed(choices)
    const once = openAudit()
    await once.read(all)
    const audit = openAudit()
    // Batches in any order, some of them twice, some cut short by the death of the process.
    const batches: Told[][] = []
    for (let at = 0; at < all.length; ) {
      const size = choices.whole(1, 6)
      batches.push(all.slice(at, at + size))
      at += size
    }
    while (batches.length > 0) {
      const batch = choices.one(batches)
      if (choices.chance(0.3)) audit.fail(audit.writes() + choices.whole(1, 5))
      const died = await audit.read(batch).then(
        () => false,
        () => true,
      )
      audit.fail(0)
      if (!died && choices.chance(0.8)) batches.splice(batches.indexOf(batch), 1)
    }
    assert.equal(await audit.books(), await once.books(), `SEED=${choices.seed}, round ${round}`)
    assert.equal(audit.recorded(), once.recorded(), `SEED=${choices.seed}, round ${round}`)
  }
})

test('a batch of orders with many lines goes in pages of which each fits into a message, and counts as one', async () => {
  const lines = (order: string) =>
    Array.from({ length: 100 }, (_, line) => ({ sku: `${order.slice(0, 4)}-${line}`, qty: 1, unit_price: 1 }))
  const orders = Array.from({ length: 60 }, (_, index) => String(index).padStart(26, '0'))
  const steps = orders.flatMap((order, index) => [
    step('order_created', {}, order),
    step('inventory_reserved', { ledger_seq: index + 2, items: lines(order.slice(-4)) }, order),
  ])
  const all = told(steps)
  const [whole, single] = [openAudit(), openAudit()]
  await whole.read(all)
  for (const one of all) await single.read([one])
  assert.equal(await whole.books(), await single.books())
  assert.ok(whole.longest() < 512 * 1024, `${whole.longest()} characters`)
})

test('goods named like what every object has are told as short, too', async () => {
  const audit = openAudit()
  const items = ['constructor', 'valueOf', 'ok'].map((sku) => ({ sku, qty: 5, unit_price: 1 }))
  await audit.read(told([step('order_created'), step('inventory_reserved', { items })]))
  const { violations } = await audit.books()
  assert.equal(
    violations
      .map(({ sku }) => sku)
      .filter(Boolean)
      .sort(),
    ['constructor', 'ok', 'valueOf'],
  )
})

test('sums and counts', async () => {
  const audit = openAudit()
  const another = (steps: Step[]) =>
    steps.map(({ type, body }) => ({ type, body: { ...body, order_id: '0'.repeat(26) } }))
  await audit.read(told([...delivered, ...another(cancelled)]))
  const { orders, open_orders, captured, refunded, events, as_of_seq } = await audit.books()
  const last = 1 + delivered.length + cancelled.length
  assert.equal([orders, open_orders, captured, refunded, events, as_of_seq], [2, 0, 400, 200, last - 1, last])
})

/** Many lives side by side, mixed as services do: each keeps its own order. */
function mixed(choices: ReturnType<typeof random>) {
  const left = Object.values(lives).map((steps, index) =>
    steps.map(({ type, body }) => ({
      type,
      body: {
        ...body,
        order_id: String(index).repeat(26),
        ...('ledger_seq' in body && { ledger_seq: Number(body.ledger_seq) + 10 * index }),
      },
    })),
  )
  const steps: Step[] = []
  while (left.length > 0) {
    const life = choices.one(left)
    steps.push(life.shift() as Step)
    if (life.length === 0) left.splice(left.indexOf(life), 1)
  }
  return told(steps)
}

test('whatever the pages, their repeats and the writes between which the process dies, they say the same', async () => {
  const choices = random()
  for (let round = 0; round < 200; round++) {
    const all = mixed(choices)
    const once = openAudit()
    await once.read(all)
    const audit = openAudit()
    for (let done = 0; done < all.length; ) {
      const size = choices.whole(1, 8)
      const back = choices.chance(0.2) ? choices.whole(0, done) : 0
      if (choices.chance(0.5)) audit.fail(audit.writes() + choices.whole(1, 4))
      const died = await audit.read(all.slice(done - back, done - back + size)).then(
        () => false,
        () => true,
      )
      audit.fail(0)
      if (!died) done += Math.max(0, size - back)
    }
    assert.equal(await audit.books(), await once.books(), `SEED=${choices.seed}, round ${round}`)
    assert.equal(audit.recorded(), once.recorded(), `SEED=${choices.seed}, round ${round}`)
  }
})

test('more orders out of balance than can be named are counted, and forgotten as they are put right', async () => {
  const audit = openAudit()
  const count = 2_100
  const orders = Array.from({ length: count }, (_, index) => String(index).padStart(26, '0'))
  const failed = told(
    orders.flatMap((order) => [step('order_created', {}, order), step('inventory_rejected', {}, order)]),
  )
  await audit.read(failed)
  const early = await audit.books({ now: Date.parse(at(0)) })
  assert.equal([early.pending, early.violations], [count, []])
  assert.is((await audit.books()).violations.length, 100)
  const ended = (some: string[], from: number) =>
    audit.read(
      told(
        some.map((order) => step('order_cancelled', {}, order)),
        { shelved: false, from },
      ),
    )
  await ended(orders.slice(0, 2_000), 10_000)
  assert.equal(
    (await audit.books()).violations.map(({ law }) => law),
    ['named'],
  )
  await ended(orders.slice(2_000), 20_000)
  const end = await audit.books()
  assert.equal([end.balanced, end.pending, end.open_orders, end.orders], [true, 0, 0, count])
})

test.run()
