import { EventEmitter, once } from 'node:events'
import { mock } from 'node:test'
import * as assert from 'uvu/assert'
import { follow } from '../../functions/gateway/_follow'
import type { Gateway } from '../../functions/gateway/_gateway'
import { away } from '../../runtime/errors'
import { atEnd, suite } from '../support/suite'

const test = suite('a follower between gateway/live and audit')
const order_id = '0'.repeat(26)
const event = (seq: number, type = `event_${seq}`) => ({ seq, type, order_id, at: '', data: {} })
type Event = ReturnType<typeof event>

/** A gateway whose audit is the test: every look is answered when the test says what. */
function world() {
  const local = new EventEmitter()
  const looks = new EventEmitter()
  const waiting: { resolve(reply: { body: { events: Event[] } }): void; reject(error: Error): void }[] = []
  const request = () =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      looks.emit('look')
    })
  const next = async () => {
    if (waiting.length === 0) await once(looks, 'look')
    return waiting.shift() as (typeof waiting)[number]
  }
  const gone = new AbortController()
  atEnd(() => gone.abort())
  const gateway = { local, request, log: { warn: () => undefined } } as unknown as Gateway
  return {
    gone,
    wake: () => void local.emit(order_id),
    listeners: () => local.listenerCount(order_id),
    looking: () => waiting.length > 0,
    start: (lastSeq = 0) => follow(order_id, lastSeq, gone.signal, gateway),
    next,
    answer: async (...events: Event[]) => (await next()).resolve({ body: { events } }),
  }
}

async function started(...events: Event[]) {
  const here = world()
  const response = here.start()
  await here.answer(...events)
  const reader = ((await response).body as ReadableStream<Uint8Array>).getReader()
  const read = async () => Buffer.from((await reader.read()).value ?? []).toString()
  return { ...here, reader, read }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
async function until(what: () => boolean): Promise<void> {
  for (let turns = 0; !what(); turns++) {
    if (turns > 10_000) throw new Error(`it never came to ${what}`)
    await turn()
  }
}

const said = (seq: number, type?: string) => {
  const data = event(seq, type)
  return `event: ${data.type}\nid: ${seq}\ndata: ${JSON.stringify(data)}\n\n`
}

/** A test that says itself when time passes. */
const testByTheClock = (name: string, body: () => Promise<void>) =>
  test(name, async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      await body()
    } finally {
      mock.timers.reset()
    }
  })

test('hears an event that came while it looked', async () => {
  const { read, wake, next, answer } = await started(event(1))
  assert.is(await read(), said(1))
  wake()
  const look = await next()
  wake()
  look.resolve({ body: { events: [event(1), event(2)] } })
  assert.is(await read(), said(2))
  await answer(event(1), event(2), event(3))
  assert.is(await read(), said(3))
})

testByTheClock('looks again soon when it was woken before the stream had the event', async () => {
  const { read, wake, answer, looking } = await started(event(1))
  assert.is(await read(), said(1))
  wake()
  await answer(event(1))
  await turn()
  mock.timers.tick(1_000)
  await until(looking)
  await answer(event(1), event(2))
  assert.is(await read(), ': still here\n\n')
  assert.is(await read(), said(2))
})

testByTheClock('outlives an audit that is away, and looks again within two seconds', async () => {
  const { read, wake, next, answer, looking } = await started(event(1))
  assert.is(await read(), said(1))
  wake()
  ;(await next()).reject(away('timeout', 'audit does not answer'))
  await turn()
  mock.timers.tick(2_000)
  await until(looking)
  await answer(event(1), event(2))
  assert.is(await read(), ': still here\n\n')
  assert.is(await read(), said(2))
})

testByTheClock('without gateway/live it looks every ten seconds', async () => {
  const { read, answer, looking } = await started(event(1))
  assert.is(await read(), said(1))
  await turn()
  mock.timers.tick(9_999)
  await turn()
  assert.is(looking(), false)
  mock.timers.tick(1)
  await answer(event(1), event(2))
  assert.is(await read(), ': still here\n\n')
  assert.is(await read(), said(2))
})

for (const final of ['delivery_completed', 'order_cancelled']) {
  test(`${final} ends the stream and leaves no listener`, async () => {
    const { read, reader, wake, answer, listeners } = await started(event(1))
    await read()
    assert.is(listeners(), 1)
    wake()
    await answer(event(1), event(2, final), event(3))
    assert.is(await read(), said(2, final))
    assert.is(await read(), said(3))
    assert.is((await reader.read()).done, true)
    assert.is(listeners(), 0)
  })
}

test('a follower that goes away leaves no listener', async () => {
  const { read, reader, gone, listeners } = await started(event(1))
  await read()
  gone.abort()
  assert.is((await reader.read()).done, true)
  assert.is(listeners(), 0)
})

test('a follower that goes away during a look leaves no listener', async () => {
  const { read, wake, next, gone, listeners } = await started(event(1))
  await read()
  wake()
  const look = await next()
  gone.abort()
  look.resolve({ body: { events: [event(1)] } })
  await until(() => listeners() === 0)
})

test('a reader that cancels leaves no listener', async () => {
  const { reader, read, gone, listeners } = await started(event(1))
  await read()
  await reader.cancel()
  gone.abort()
  await until(() => listeners() === 0)
})

test('where the first look fails the error is told and no listener stays', async () => {
  const here = world()
  const response = here.start()
  const look = await here.next()
  look.reject(new Error('away'))
  const error = await response.catch((error: Error) => error)
  assert.is((error as Error).message, 'away')
  assert.is(here.listeners(), 0)
})

test('where a later look fails the stream ends, so that the client comes again with its Last-Event-ID', async () => {
  const { read, reader, wake, next, listeners } = await started(event(1))
  await read()
  wake()
  const look = await next()
  look.reject(new Error('away'))
  assert.is((await reader.read()).done, true)
  assert.is(listeners(), 0)
})

test.run()
