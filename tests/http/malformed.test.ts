import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { manifestWith } from '../support/manifest'
import { checkAnswer, checkProblem } from '../support/openapi'
import { closed, dial, exchange } from '../support/raw_http'
import { idOf, newOrder, openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('what is hardly HTTP')
const opening = openShop()

const alive = async () => {
  const { send } = await opening
  assert.is((await send('GET', '/api/v1/health')).status, 200)
}

const order = JSON.stringify(newOrder())
const head = (line: string, ...headers: string[]) => [line, 'Host: x', ...headers, '', ''].join('\r\n')
const post = (...headers: string[]) => head('POST /api/v1/orders HTTP/1.1', 'Connection: close', ...headers)
const get = (target: string, ...headers: string[]) => head(`GET ${target} HTTP/1.1`, 'Connection: close', ...headers)

const broken: Record<string, string | Uint8Array> = {
  'no request line': '\r\nnonsense\r\n\r\n',
  'a method that is none': head('BREW /pot HTTP/1.1'),
  'a version that is none': head('GET /api/v1/health HTTP/7.0'),
  'no Host': 'GET /api/v1/health HTTP/1.1\r\n\r\n',
  'a header without a colon': get('/api/v1/health', 'broken'),
  'a header with a NUL': get('/api/v1/health', 'X: a\0b'),
  'a blank before the colon': get('/api/v1/health', 'X : y'),
  'two lengths': post('Content-Length: 1', 'Content-Length: 2'),
  'a negative length': post('Content-Length: -1'),
  'a length that is no number': post('Content-Length: many'),
  'a length beside chunks': `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'a chunk size that is none': `${post('Transfer-Encoding: chunked')}zz\r\n${order}\r\n0\r\n\r\n`,
  'a chunk longer than its size': `${post('Transfer-Encoding: chunked')}5\r\n${order}\r\n0\r\n\r\n`,
  'an encoding that nobody knows': `${post('Transfer-Encoding: squeezed')}${order}`,
  'a header of a megabyte': get('/api/v1/health', `X: ${'x'.repeat(1024 * 1024)}`),
  'a path of a megabyte': get(`/${'x'.repeat(1024 * 1024)}`),
  'bytes of chance': Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 7919 + (n >> 3) * 104_729) & 255)),
  'HTTP/2 without asking': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
}
for (const [what, bytes] of Object.entries(broken)) {
  test(`${what} gets a problem document or a closed connection`, async () => {
    const answer = await exchange((await opening).app.url, bytes)
    if (answer) {
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`)
      assert.is(answer.headers.get('content-type'), 'application/problem+json')
      assert.is(answer.headers.get('connection'), 'close')
      checkProblem(answer)
    }
    await alive()
  })
}

const odd: [what: string, bytes: string, method: string, path: string, status: number][] = [
  ['an absolute target', get('http://elsewhere/api/v1/health?x=1'), 'GET', '/api/v1/health', 200],
  ['a Host that is none', get('/ready').replace('Host: x', 'Host: %%%'), 'GET', '/ready', 200],
  ['a query', get('/api/v1/health?x=%zz&__proto__=1&&=#'), 'GET', '/api/v1/health', 200],
  ['a fragment', get('/api/v1/health#x'), 'GET', '/api/v1/health', 200],
  ['bytes over 127 in the path', get('/api/v1/inventory/\xff'), 'GET', '/api/v1/inventory/x', 400],
  ['an expectation that nobody meets', get('/api/v1/health', 'Expect: tea'), 'GET', '/api/v1/health', 200],
  [
    'a wish to upgrade',
    get('/api/v1/health', 'Upgrade: h2c').replace('close', 'Upgrade, close'),
    'GET',
    '/api/v1/health',
    200,
  ],
  ['a body with GET', `${get('/api/v1/health', 'Content-Length: 4')}body`, 'GET', '/api/v1/health', 200],
  ['OPTIONS *', head('OPTIONS * HTTP/1.1', 'Connection: close'), 'OPTIONS', '/*', 404],
  ['two keys', post('Idempotency-Key: a', 'Idempotency-Key: b'), 'POST', '/api/v1/orders', 400],
  ['HTTP/1.0', 'GET /api/v1/health HTTP/1.0\r\n\r\n', 'GET', '/api/v1/health', 200],
]
for (const [what, bytes, method, path, status] of odd) {
  test(`${what} is answered ${status}`, async () => {
    const answer = await exchange((await opening).app.url, Buffer.from(bytes, 'latin1'))
    assert.ok(answer, 'there is an answer')
    if (!answer) return
    checkAnswer(method, path, answer)
    assert.is(answer.status, status)
  })
}

test('CONNECT and TLS are closed and harm nobody', async () => {
  const { url } = (await opening).app
  const answer = await exchange(url, head('CONNECT elsewhere:443 HTTP/1.1'))
  assert.ok(answer === undefined || answer.status >= 400)
  const tls = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false })
  await once(tls, 'error')
  await alive()
})

test('a client that goes away in the middle of its body makes no order and no noise', async () => {
  const { app } = await opening
  const starts = [post('Content-Length: 1000'), `${post('Transfer-Encoding: chunked')}5\r\n{"use`]
  for (const bytes of starts) {
    for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const socket = await dial(app.url)
      socket.write(bytes)
      await alive()
      socket[leave]()
      await closed(socket.resume())
    }
  }
  await alive()
  assert.equal(
    app.log().filter(({ level }) => level === 'error'),
    [],
  )
})

test('requests sent in one go are answered in their order', async () => {
  const { app } = await opening
  const [first, second] = ['pipelined-1', 'pipelined-2'].map((key) =>
    head('POST /api/v1/orders HTTP/1.1', `Idempotency-Key: ${key}`, `Content-Length: ${order.length}`).concat(order),
  )
  const socket = await dial(app.url)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(`${first}${second}${get('/api/v1/health')}`)
  await closed(socket)
  assert.equal(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 201', 'HTTP/1.1 201', 'HTTP/1.1 200'])
})

test('nonsense behind a request that is being answered does not get into its answer', async () => {
  const { app, order } = await opening
  const socket = await dial(app.url)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(head(`GET /api/v1/orders/${await order()}/events HTTP/1.1`))
  await eventually('the stream to begin', () => text.includes('event: order_created'))
  socket.write('nonsense\r\n\r\n')
  await closed(socket)
  assert.is(text.match(/HTTP\/1\.1/g)?.length, 1)
  await alive()
})

test('a body that does not come in time is a 408, and others are answered meanwhile', async () => {
  const manifest = await manifestWith((functions) => {
    for (const { name, policy } of functions) if (name === 'gateway/http') policy.timeoutMs = 300
  })
  const { broker } = await opening
  const app = await startApp(broker, { args: ['--manifest', manifest, '--only', 'gateway'] })
  const slow = exchange(app.url, `${head('POST /api/v1/orders HTTP/1.1', 'Content-Length: 1000')}{"user_id":`)
  assert.is((await fetch(`${app.url}/api/v1/health`)).status, 200)
  const answer = await slow
  assert.is(answer?.status, 408)
  if (answer) checkAnswer('POST', '/api/v1/orders', answer)
  assert.is(await app.end(), 0)
})

test('after all that an order is taken, and the process ends as it should', async () => {
  const { send, app } = await opening
  assert.match(idOf(await send('POST', '/api/v1/orders', { body: newOrder() })), /^[0-9A-HJKMNP-TV-Z]{26}$/)
  assert.is(await app.end(), 0)
})

test.run()
