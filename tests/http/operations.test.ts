import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { httpClient, problemType } from '../support/http_client'
import { document, problemPaths } from '../support/openapi'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('paths, methods and what operators ask')
const opening = openShop()
const send = async (method: string, path: string) => (await opening).send(method, path)

test('health is OK, ready is ready, and the document is the document', async () => {
  assert.is((await send('GET', '/api/v1/health')).text, 'OK')
  assert.is((await send('GET', '/ready')).status, 200)
  assert.equal((await send('GET', '/api/v1/openapi.json')).body, parse(readFileSync('docs/openapi.yaml', 'utf8')))
})

test('every problem has a page of its own', async () => {
  assert.is(problemPaths.length, 14)
  const pages = await Promise.all(problemPaths.map((path) => send('GET', path)))
  for (const { status, text } of pages) {
    assert.is(status, 200)
    assert.match(text, /^[A-Z].*\.$/)
  }
  assert.is(new Set(pages.map(({ text }) => text)).size, problemPaths.length)
})

const nothing = [
  '/',
  '/api/v1',
  '/api/v1/orders/',
  '/api/v1/health/',
  '/API/v1/health',
  '//api/v1/health',
  '/api/v1/orders/A/cancel/now',
  '/problems',
  '/problems/',
  '/problems/nothing',
  '/problems/__proto__',
  '/problems/constructor',
  '/%00',
  '/%zz',
  '/*',
]
for (const path of nothing) {
  test(`GET and HEAD ${path} are a 404`, async () => {
    const answer = await send('GET', path)
    assert.is(answer.status, 404)
    assert.is(problemType(answer), '/problems/not-found')
    assert.is((await send('HEAD', path)).status, 404)
  })
}

const anything = { '{order_id}': '0'.repeat(26), '{sku}': 'espresso-beans' }
for (const template of [...Object.keys(document.paths), '/problems/not-found']) {
  test(`${template} refuses what it does not do, and Allow lists what it does`, async () => {
    const path = template.replace(/\{\w+\}/g, (name) => anything[name as keyof typeof anything])
    const operations = document.paths[template] ?? { get: undefined }
    for (const method of ['DELETE', 'OPTIONS', 'PATCH', 'GET', 'HEAD', 'PUT', 'POST']) {
      if ((method === 'HEAD' ? 'get' : method.toLowerCase()) in operations) continue
      const { status } = await send(method, path)
      assert.is(status, 405, method)
    }
  })
}

test('HEAD answers as GET does, without the body', async () => {
  const id = await (await opening).order()
  const pages = ['/api/v1/health', '/ready', '/api/v1/openapi.json', '/problems/not-found', `/api/v1/orders/${id}`]
  for (const path of [...pages, '/api/v1/inventory/green-tea', '/api/v1/inventory/nothing', '/api/v1/orders/x']) {
    const [get, head] = [await send('GET', path), await send('HEAD', path)]
    assert.is(head.status, get.status)
    assert.is(head.text, '')
    assert.is(head.headers.get('content-type'), get.headers.get('content-type'))
  }
})

test('HEAD of the live events is answered at once and follows nothing', async () => {
  const id = await (await opening).order()
  const head = await send('HEAD', `/api/v1/orders/${id}/events`)
  assert.is(head.status, 200)
  assert.is(head.headers.get('content-type'), 'text/event-stream')
})

test('a gateway whose broker is away is alive and not ready, and ready again when it is back', async () => {
  const broker = await startBroker()
  const app = await startApp(broker, { args: ['--only', 'gateway'] })
  const ask = httpClient(app.url)
  assert.is((await ask('GET', '/ready')).status, 200)
  await broker.kill('SIGKILL')
  const away = await eventually('the gateway to be not ready', async () => {
    const answer = await ask('GET', '/ready')
    return answer.status === 503 ? answer : undefined
  })
  assert.is(problemType(away), '/problems/not-ready')
  assert.is((await ask('HEAD', '/ready')).status, 503)
  assert.is((await ask('GET', '/api/v1/health')).status, 200)
  await broker.start()
  await eventually('the gateway to be ready again', async () => (await ask('GET', '/ready')).status === 200)
})

test('a gateway that is stopping says so before it closes', async () => {
  const { broker } = await opening
  const app = await startApp(broker, { args: ['--only', 'gateway'], env: { SHUTDOWN_DELAY_MS: '1500' } })
  const ask = httpClient(app.url)
  const ended = app.end()
  await eventually('the gateway to be not ready', async () => (await ask('GET', '/ready')).status === 503)
  assert.is((await ask('GET', '/api/v1/inventory/green-tea')).status, 200)
  assert.is(await ended, 0)
})

test.run()
