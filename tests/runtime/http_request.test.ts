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

/** The head and the body of each answer on one connection to these requests, sent one after another. */
async function answersTo(url: string, ...requests: string[]): Promise<string[]> {
  const socket = connect(Number(new URL(url).port), 'localhost')
  const answers: string[] = []
  for (const request of requests) {
    socket.write(request)
    const [chunk] = await once(socket, 'data')
    answers.push(String(chunk))
  }
  socket.destroy()
  return answers
}

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
  const lines = ['X-oNE: a', 'X-Two: b', 'x-two: c', 'Content-Type: text/a', 'content-type: text/b', 'X-Empty:']
  await answersTo(host.url as string, `GET / HTTP/1.1\r\nHost: x\r\n${lines.join('\r\n')}\r\n\r\n`)
  assert.equal(told, ['a', 'b, c', 'text/a', null, null, ''])
})

for (const said of ['5', '3', undefined]) {
  test(`an answer says its true length once, where its handler says ${said}, to HEAD and to HTTP/1.0, too`, async () => {
    const headers: Record<string, string> = said ? { 'content-length': said } : {}
    const host = await start(() => ({ status: 200, headers, body: 'hello' }))
    const old = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
    const answers = await answersTo(
      host.url as string,
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n',
      old,
      old,
    )
    assert.equal(
      answers.map((text) => [text.match(/content-length: .*/gi), text.split('\r\n\r\n')[1]]),
      ['hello', '', 'hello', 'hello'].map((body) => [['Content-Length: 5'], body]),
    )
  })
}

test('a Response tells its length to HTTP/1.0, too', async () => {
  const host = await start(() => new Response('hello'))
  const [told = ''] = await answersTo(host.url as string, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  assert.match(told, /^content-length: 5$/im)
})

test('where an answer cannot be written, the 500 has nothing of it', async () => {
  const host = await start(({ url }) => {
    const wrong = url.endsWith('/trailer') ? { Trailer: 'x' } : { Location: 'a\nb' }
    return { status: 200, headers: { 'Cache-Control': 'max-age=99', 'Content-Length': '5', ...wrong }, body: 'hello' }
  })
  const [told = ''] = await answersTo(host.url as string, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(told, /^HTTP\/1.1 500 /)
  assert.not.match(told, /cache-control/i)
  assert.is(JSON.parse(told.split('\r\n\r\n')[1] as string).status, 500)
  const [trailed = ''] = await answersTo(host.url as string, 'GET /trailer HTTP/1.0\r\n\r\n')
  assert.match(trailed, /^HTTP\/1.1 500 /)
})

test('an answer that its client is still reading is whole after a stop', async () => {
  const size = 6_000_000
  const host = await start(() => ({ status: 200, headers: {}, body: 'x'.repeat(size) }))
  const socket = connect(Number(new URL(host.url as string).port), 'localhost')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [begun] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  const stopped = host.stop()
  let bytes = begun.length
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  setImmediate(() => socket.resume())
  await once(socket, 'close')
  await stopped
  assert.ok(bytes > size, `${bytes} bytes of more than ${size}`)
})

test('who does not read the answer does not hold up a stop', async () => {
  const host = await start(() => ({ status: 200, headers: {}, body: 'x'.repeat(6_000_000) }))
  const socket = connect(Number(new URL(host.url as string).port), 'localhost')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  assert.is(await host.stop(), true)
  socket.destroy()
})

test.run()
