import { once } from 'node:events'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { suite } from '../support/suite'

const test = suite('the request of an http function')

const start = async (handler: (request: Request) => unknown) =>
  runFunctions(await startBroker(), { contracts: {}, functions: { 'web/http': { mode: 'http', handler } } })

test('has its signal in copies, wrappers and what inherits from it, too', async () => {
  const told: boolean[] = []
  const host = await start((request) => {
    for (const one of [{ ...request }, new Proxy(request, {}), Object.create(request), Object.assign({}, request)]) {
      told.push(one.signal instanceof AbortSignal && one.signal === request.signal)
    }
    return new Response('done')
  })
  assert.is((await fetch(`${host.url}/`)).status, 200)
  assert.equal(told, [true, true, true, true])
})

test('tells nothing of the headers or the connection where it is written down', async () => {
  const told: string[] = []
  const host = await start((request) => {
    told.push(JSON.stringify(request), inspect(request, { depth: 9, showHidden: true }))
    return new Response('done')
  })
  await fetch(`${host.url}/`, { headers: { authorization: 'Bearer secret' } })
  assert.is(told.length, 2)
  for (const text of told) assert.not.match(text, 'secret')
})

test('takes any field, and the process goes on and stops', async () => {
  const host = await start((request) => {
    const fields = { place: 'shop-1', response: undefined, abort: undefined, life: undefined, exchange: undefined }
    return new Response(Object.keys(Object.assign(request, fields)).join())
  })
  for (let times = 0; times < 3; times++) assert.is((await fetch(`${host.url}/`)).status, 200)
  await host.stop()
})

test('has headers in any case, one that came twice joined, and of some the first alone', async () => {
  const told: unknown[] = []
  const host = await start(({ headers }) => {
    told.push(...['X-One', 'x-TWO', 'content-type', 'x-none', '__proto__', 'x-empty'].map((name) => headers.get(name)))
    return new Response('done')
  })
  const { port } = new URL(host.url as string)
  const lines = ['X-oNE: a', 'X-Two: b', 'x-two: c', 'Content-Type: text/a', 'content-type: text/b', 'X-Empty:']
  const socket = connect(Number(port), 'localhost')
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('\r\n')}\r\n\r\n`)
  await once(socket.resume(), 'close')
  assert.equal(told, ['a', 'b, c', 'text/a', null, null, ''])
})

test('an answer says its length once, whoever says it', async () => {
  const host = await start(() => ({ status: 200, headers: { 'content-length': '5' }, body: 'hello' }))
  const answer = await fetch(`${host.url}/`)
  assert.is(await answer.text(), 'hello')
  assert.is(answer.headers.get('content-length'), '5')
})

test.run()
