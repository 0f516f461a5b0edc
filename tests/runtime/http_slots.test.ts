import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('the slots of an http function')

const queued = 1_000

async function start(handler: (request: Request) => unknown, policy: object = {}) {
  const broker = await startBroker()
  return runFunctions(broker, {
    contracts: {},
    functions: { 'web/http': { mode: 'http', policy: { concurrency: 2, ...policy }, handler } },
    env: { OPS_ADDR: '127.0.0.1:0' },
  })
}

test('a handler that runs over its time hears that nobody waits for it', async () => {
  const signals: AbortSignal[] = []
  const host = await start(
    (request) => {
      signals.push(request.signal)
      return new Promise(() => undefined)
    },
    { timeoutMs: 100 },
  )
  assert.is((await fetch(`${host.url}/`, { headers: { connection: 'close' } })).status, 500)
  assert.is(signals[0]?.aborted, true)
})

test('hold its concurrency; beyond them and their queue it answers 503 at once', async () => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let running = 0
  let most = 0
  const host = await start(async () => {
    most = Math.max(most, ++running)
    await gate
    running--
    return new Response('done')
  })
  const asked = Array.from({ length: queued + 12 }, () => fetch(`${host.url}/`))
  const refused = await eventually('the refusals', async () => {
    const ended = await Promise.all(asked.map((one) => Promise.race([one, undefined])))
    const found = ended.filter((one) => one !== undefined)
    return found.length >= 10 ? found : undefined
  })
  for (const answer of refused) {
    assert.is(answer.status, 503)
    assert.is(answer.headers.get('retry-after'), '1')
    assert.is(answer.headers.get('content-type'), 'application/problem+json')
    assert.is(((await answer.json()) as { type: string }).type, '/problems/too-busy')
  }
  release()
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  assert.is(statuses.filter((status) => status === 200).length, queued + 2)
  assert.is(most, 2)
  const metrics = await (await fetch(`${host.opsUrl}/metrics`)).text()
  assert.match(metrics, 'functions_handled_total{function="web/http",mode="http",ending="refused"} 10')
})

test('are free once an answer streams', async () => {
  const host = await start(({ url }) => {
    if (!url.endsWith('/follow')) return new Response('done')
    const body = new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from('data: first\n\n')) })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  })
  const over = new AbortController()
  const followers = await Promise.all(
    Array.from({ length: 5 }, () => fetch(`${host.url}/follow`, { signal: over.signal })),
  )
  assert.equal(
    followers.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
  const answer = await fetch(`${host.url}/`, { signal: AbortSignal.timeout(5_000) })
  assert.is(await answer.text(), 'done')
  over.abort()
})

test.run()
