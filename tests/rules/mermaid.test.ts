import * as assert from 'uvu/assert'
import type { Explanation } from '../../functions/audit/_contract'
import { explain } from '../../functions/audit/_explain'
import { mermaid } from '../../functions/audit/_mermaid'
import { readDiagram } from '../support/mermaid'
import { type Random, seeded } from '../support/random'
import { suite } from '../support/suite'
import { asked, assigned, type Change, history, left } from './explained'
import { at, order } from './order_events'

const test = suite('an explanation as a sequence diagram')

const drawn = (given: (string | [string, Change])[], second = 100) =>
  readDiagram(mermaid(explain(order.order_id, history(...given), at(second))))
const arrows = ({ arrows }: ReturnType<typeof readDiagram>) =>
  arrows.map(({ from, arrow, to, text }) => `${from} ${arrow} ${to}: ${text}`)

test('each event goes to whom it made do something, or on to order, which follows all', () => {
  const diagram = drawn([...left, 'delivery_completed'])
  assert.equal(Object.keys(diagram.participants), ['caller', 'order', 'inventory', 'payment', 'delivery'])
  assert.equal(arrows(diagram), [
    'caller ->> order: rpc.create_order',
    'order ->> inventory: order_created',
    'inventory ->> payment: inventory_reserved, 1.0 s',
    'payment ->> delivery: payment_captured, 1.0 s',
    'delivery -->> order: delivery_assigned, 1.0 s',
    'caller ->> delivery: update_delivery:picked_up',
    'delivery ->> inventory: delivery_picked_up, 1.0 s',
    'inventory -->> order: inventory_shipped, 1.0 s',
    'caller ->> delivery: update_delivery:delivered',
    'delivery -->> order: delivery_completed, 2.0 s',
  ])
  assert.equal(diagram.notes, [{ over: 'caller', text: `${order.order_id} is delivered, 6.0 s` }])
})

test('what is still to come is told to whom it waits for, and noted there', () => {
  const diagram = drawn([...assigned, ...asked, 'inventory_released'], 10_000)
  assert.equal(arrows(diagram).slice(-3), [
    'order ->> inventory: order_cancelled, 1.0 s (changed my mind)',
    'order ->> payment: order_cancelled, 1.0 s (changed my mind)',
    'inventory -->> order: inventory_released, 1.0 s',
  ])
  assert.equal(diagram.notes, [
    { over: 'caller', text: `${order.order_id} is cancelled, 3 h` },
    { over: 'payment', text: 'waits for payment_refunded from payment/refund, 3 h' },
  ])
})

test('attempts beyond the first are told, and so is what is out of the ordinary', () => {
  const cause = { id: `order_created:${order.order_id}`, function: 'inventory/reserve', attempt: 3 }
  const diagram = drawn(['order_created', ['inventory_reserved', { cause }]], 1)
  assert.ok(arrows(diagram).includes('inventory ->> payment: inventory_reserved, 1.0 s, attempt 3'))
  const { notes } = drawn([...left, 'order_cancel_requested'])
  assert.match(notes.at(-1)?.text ?? '', /^The cancel by the customer/)
})

test('who says nothing of itself is drawn as the service that its name begins with', () => {
  const diagram = drawn([
    'order_created',
    ['inventory_reserved', { cause: undefined }],
    ['gift_wrapped', { cause: undefined }],
  ])
  assert.ok(arrows(diagram).includes('inventory ->> payment: inventory_reserved, 1.0 s'))
  assert.is(Object.values(diagram.participants).at(-1), 'gift')
})

const nasty = [
  'a;b',
  '#',
  'a#59;b',
  'end',
  '%%{init: {}}%%',
  '%% a comment',
  'one\ntwo\r\n\r\nthree',
  'line\u2028and\u2029paragraph',
  'participant x',
  '-->>',
  '"quoted" `code`',
  '<br/><script>&amp;',
  '$$x$$',
  'Grüße, 你好, 👋🏽 e\u0301',
  '\ud800 half',
  '\u0000\u0007',
  '{[(:+=*~^|\\)]}',
  ' ',
  '',
  'style:#1;',
]
// What has no picture becomes a space, a line ends nowhere, and what is too long is cut.
const asShown = (text: string) => text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')

for (const reason of nasty) {
  test(`a reason of ${JSON.stringify(reason)} is shown and breaks nothing`, () => {
    const wish: [string, Change] = ['order_cancel_requested', { data: { reason } }]
    const diagram = drawn(['order_created', wish])
    const label = diagram.arrows.find(({ text }) => text.startsWith('order_cancel_requested'))?.text
    assert.is(label, `order_cancel_requested, 1.0 s${reason ? ` (${asShown(reason)})` : ''}`)
  })

  test(`a sender that calls itself ${JSON.stringify(reason)} becomes a participant all the same`, () => {
    drawn([['order_created', { cause: { id: reason, function: reason, attempt: 1 } }], 'inventory_reserved'])
    drawn([[reason, { cause: { function: `${reason}/${reason}`, attempt: 1 } }]])
  })
}

test('a text is cut at 120 characters, not within one', () => {
  const diagram = drawn([['order_cancel_requested', { data: { reason: '👋'.repeat(200) } }]])
  const text = diagram.arrows.at(-1)?.text ?? ''
  assert.is([...text].length, 121)
  assert.match(text, /👋…$/u)
})

const types = [...left, ...asked, 'delivery_completed', 'inventory_released', 'payment_refunded']
types.push('inventory_rejected', 'payment_declined', 'delivery_failed', 'gift_wrapped')

/** Any events of an order in any order, told by anybody, each type once as audit keeps them. */
function anyHistory(random: Random): Explanation {
  const shuffled = types.map((type) => ({ type, place: random.whole(0, 1_000) })).sort((a, b) => a.place - b.place)
  const given = shuffled.slice(0, random.whole(1, types.length)).map(({ type }): [string, Change] => {
    const id = random.chance(0.6) ? `${random.one(types)}:${order.order_id}` : random.one([...nasty, undefined])
    const name = random.chance(0.6) ? random.one(['order/track', 'payment/refund']) : random.one(nasty)
    const attempt = random.whole(1, 30)
    const cause = random.chance(0.5) ? { cause: random.chance(0.5) ? undefined : { id, function: name, attempt } } : {}
    const data = { reason: random.one([...nasty, 5, null]), by: random.one(['system', 'customer', undefined]) }
    return [type, { second: random.whole(0, 300_000), data, ...cause }]
  })
  return explain(order.order_id, history(...given), at(random.whole(0, 300_000)))
}

test('whatever happened in whatever order, the diagram can be read and tells every step', () => {
  seeded((random) => {
    for (let round = 0; round < 2_000; round++) {
      const explanation = anyHistory(random)
      const { arrows, notes } = readDiagram(mermaid(explanation))
      for (const { type } of explanation.steps)
        assert.ok(
          arrows.some(({ text }) => text.startsWith(type)),
          type,
        )
      assert.is(notes.length, 1 + explanation.waits_for.length + explanation.notes.length)
      const waited = explanation.waits_for.map(({ for: wanted }) => wanted)
      assert.is(new Set(waited).size, waited.length, `waited for twice: ${waited}`)
    }
  })
})

test.run()
