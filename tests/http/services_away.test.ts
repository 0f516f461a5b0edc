import { headers as emptyHeaders, type Msg } from 'nats'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { httpClient, problemType, type Send } from '../support/http_client'
import type { Answer } from '../support/openapi'
import { orderIdOf } from '../support/order_id'
import { idOf, newOrder } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('services that are away, faulty or too busy')

const broker = startBroker()
// Everything but the services that a test puts in their place.
const gateway = broker.then((broker) =>
  startApp(broker, { args: ['--only', 'gateway'], env: { RPC_TIMEOUT_MS: '300' } }),
)

const send: Send = async (...call) => httpClient((await gateway).url)(...call)

let count = 0
async function create(through = send, key = `key-${++count}`) {
  const call = { body: newOrder(), headers: { 'Idempotency-Key': key } }
  return { key, answer: await through('POST', '/api/v1/orders', call) }
}

function assertUnknown(answer: Answer, key: string, [status, type]: [number, string]): void {
  assert.is(answer.status, status)
  assert.is(problemType(answer), `/problems/${type}`)
  assert.is(idOf(answer), orderIdOf('u-1', key))
}

test('while order is away a create is a 504 that names the order, which can be looked up and repeated later', async () => {
  const app = await startApp(await broker, { args: ['--except', 'order'] })
  const send = httpClient(app.url)
  const { answer, key } = await create(send)
  assertUnknown(answer, key, [504, 'no-answer'])
  const path = `/api/v1/orders/${idOf(answer)}`
  for (const [method, each] of [
    ['GET', path],
    ['POST', `${path}/cancel`],
  ] as const) {
    const away = await send(method, each)
    assert.is(away.status, 504)
    assert.is(problemType(away), '/problems/no-answer')
  }
  assert.is((await send('GET', '/api/v1/inventory/green-tea')).status, 200)

  const order = await startApp(await broker, { args: ['--only', 'order'] })
  assert.is((await send('GET', path)).status, 404)
  const { answer: created } = await create(send, key)
  assert.is(created.status, 201)
  assert.is(idOf(created), idOf(answer))
  assert.is((await send('GET', path)).status, 200)
  assert.is(await order.end(), 0)
  assert.is(await app.end(), 0)
})

test('a create without a key that got a 504 names an order of its own', async () => {
  const calls = [0, 1].map(() => send('POST', '/api/v1/orders', { body: newOrder() }))
  const answers = await Promise.all(calls)
  assert.equal(
    answers.map(({ status }) => status),
    [504, 504],
  )
  assert.is(new Set(answers.map(idOf)).size, 2)
})

interface Reply {
  body?: unknown
  code?: string
}

/** Answers as order, in its place, while `work` runs. */
async function instead(reply: () => Reply | undefined, work: () => Promise<void>): Promise<void> {
  const { nc } = await openWire(await broker)
  const respond = (_: unknown, message: Msg) => {
    const said = reply()
    if (!said) return
    const { body, code } = said
    const headers = emptyHeaders()
    if (code !== undefined) headers.set('Nats-Service-Error-Code', code)
    const data = body instanceof Uint8Array ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body))
    message.respond(data, code === undefined ? {} : { headers })
  }
  for (const subject of ['rpc.create_order', 'rpc.get_order_status']) nc.subscribe(subject, { callback: respond })
  await nc.flush()
  try {
    await work()
  } finally {
    await nc.close()
  }
}

const order_id = '0'.repeat(26)
const faults: Record<string, Reply> = {
  'a fault': { code: '500', body: { error: { code: 500, message: 'the secret is 42' } } },
  'a fault without a body': { code: '500' },
  'a fault whose body is null': { code: '500', body: null },
  'a code that is no number': { code: 'secret', body: { error: {} } },
  'a code that it may not use': { code: '418', body: { error: { message: 'the secret is 42' } } },
  'a code of success': { code: '200', body: { order_id, status: 'created' } },
  garbage: { body: Buffer.from('secret{') },
  'what is not UTF-8': { body: Buffer.of(0x22, 0xff, 0x22) },
  nothing: {},
  null: { body: null },
  'a list': { body: ['secret'] },
  'a field too many': { body: { order_id, status: 'created', updated_at: '2026-01-30T12:00:00.000Z', secret: 1 } },
  'a field too few': { body: { order_id } },
  'a wrong field': { body: { order_id, status: 'secret', updated_at: 'secret' } },
}

for (const [what, fault] of Object.entries(faults)) {
  test(`a service that answers ${what} is a 502 that tells nothing of the inside and names the order`, async () => {
    await instead(
      () => fault,
      async () => {
        const { answer, key } = await create()
        assertUnknown(answer, key, [502, 'service-fault'])
        const status = await send('GET', `/api/v1/orders/${order_id}`)
        assert.is(status.status, 502)
        assert.not.match(answer.text + status.text, 'secret')
      },
    )
  })
}

test('a service that is too busy is a 503 that says when to come back', async () => {
  const busy = { code: '503', body: { error: { code: 503, message: 'Too busy.' } } }
  await instead(
    () => busy,
    async () => {
      for (const answer of [(await create()).answer, await send('GET', `/api/v1/orders/${order_id}`)]) {
        assert.is(answer.status, 503)
        assert.is(problemType(answer), '/problems/too-busy')
        assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
      }
    },
  )
})

test('a service that says nothing is a 504 once RPC_TIMEOUT_MS is over', async () => {
  await instead(
    () => undefined,
    async () => {
      const { answer, key } = await create()
      assertUnknown(answer, key, [504, 'no-answer'])
    },
  )
})

test('with the broker away it is a 504 too, and the gateway lives on', async () => {
  await (await broker).kill('SIGKILL')
  const { answer, key } = await create()
  assertUnknown(answer, key, [504, 'no-answer'])
  await (await broker).start()
  await eventually('the gateway to be ready', async () => (await send('GET', '/ready')).status === 200)
})

test.run()
