import * as assert from 'uvu/assert'
import { covers, defaultPolicy, type FunctionEntry, streamOf } from '../../runtime/manifest'
import { select } from '../../tools/select'
import { suite } from '../support/suite'

const test = suite('the manifest')

for (const [pattern, subject, expected] of [
  ['events.a', 'events.a', true],
  ['events.a', 'events.b', false],
  ['events.*', 'events.a', true],
  ['events.*', 'events.*', true],
  ['events.a', 'events.*', false],
  ['events.*', 'events', false],
  ['events.*', 'events.a.b', false],
  ['events.*.b', 'events.a.b', true],
  ['events.>', 'events.a', true],
  ['events.>', 'events.a.b', true],
  ['events.>', 'events.>', true],
  ['events.>', 'events', false],
  ['events.*', 'events.>', false],
  ['>', 'anything.at.all', true],
  ['*', 'events.a', false],
  ['event', 'events', false],
  ['events.a.b', 'events.a', false],
] as const) {
  test(`${pattern} ${expected ? 'covers' : 'does not cover'} ${subject}`, () => {
    assert.is(covers(pattern, subject), expected)
  })
}

const streams = {
  EVENTS: { subjects: ['events.*'] },
  MIXED: { subjects: ['jobs.*', 'tasks.>'] },
}

for (const [subject, expected] of [
  ['events.*', { stream: 'EVENTS', whole: true }],
  ['events.a', { stream: 'EVENTS', whole: false }],
  ['jobs.*', { stream: 'MIXED', whole: false }],
  ['tasks.a.b', { stream: 'MIXED', whole: false }],
  ['events.a.b', undefined],
  ['rpc.ask', undefined],
  ['ledger.stock', { stream: 'LEDGER_stock', whole: true }],
  ['ledger.*', undefined],
  ['ledger.a.b', undefined],
] as const) {
  test(`${subject} is ${expected ? `in ${expected.stream}${expected.whole ? ', all of it' : ''}` : 'in no stream'}`, () => {
    assert.equal(streamOf({ streams }, subject), expected)
  })
}

const entry = (name: string, queue?: string): FunctionEntry => ({
  name,
  file: '',
  bundle: '',
  mode: 'event',
  subject: 'events.a',
  queue,
  emits: [],
  requests: [],
  stores: [],
  ledgers: [],
  awaits: [],
  policy: defaultPolicy,
})

const functions = [
  entry('gateway/http'),
  entry('gateway/live'),
  entry('order/create', 'order'),
  entry('order/track', 'trackers'),
  entry('orders', 'orders'),
]
const names = functions.map(({ name }) => name)
const selected = (only?: string, except?: string) =>
  select({ contracts: '', streams, functions }, only, except).map(({ name }) => name)

for (const [only, except, expected] of [
  [undefined, undefined, names],
  ['order', undefined, ['order/create', 'order/track']],
  ['order/track', undefined, ['order/track']],
  ['trackers', undefined, ['order/track']],
  ['gateway,orders', undefined, ['gateway/http', 'gateway/live', 'orders']],
  [' orders , gateway/live ', undefined, ['gateway/live', 'orders']],
  ['*', undefined, names],
  ['order/*', undefined, ['order/create', 'order/track']],
  ['*/live', undefined, ['gateway/live']],
  ['o*', undefined, ['order/create', 'order/track', 'orders']],
  [undefined, 'gateway', ['order/create', 'order/track', 'orders']],
  ['order', 'order/track', ['order/create']],
] as const) {
  test(`--only ${only} --except ${except} leaves ${expected.length} of ${names.length}`, () => {
    assert.equal(selected(only, except), expected)
  })
}

for (const [only, except, message] of [
  ['nobody', undefined, `--only: no function is named «nobody»; there are ${names.join(', ')}`],
  ['order,nobody', undefined, `--only: no function is named «nobody»; there are ${names.join(', ')}`],
  ['', undefined, `--only: no function is named «»; there are ${names.join(', ')}`],
  ['order.create', undefined, `--only: no function is named «order.create»; there are ${names.join(', ')}`],
  [undefined, 'nobody', `--except: no function is named «nobody»; there are ${names.join(', ')}`],
  ['order', 'order', '--except: leaves no function to run'],
] as const) {
  test(`--only ${only} --except ${except} is refused`, () => {
    assert.throws(
      () => selected(only, except),
      (error: Error) => error.message === message,
    )
  })
}

test.run()
