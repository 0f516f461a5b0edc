import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { nodeRuntime } from '../support/node_runtime'
import { atEnd, suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('a wrong environment is one line that names the variable')

for (const [variable, value] of [
  ['REPLICAS', '0'],
  ['REPLICAS', 'three'],
  ['DRAIN_MS', '-1'],
  ['SHUTDOWN_DELAY_MS', '1.5'],
  ['LOG_LEVEL', 'loud'],
  ['PAYMENT_LIMIT', '-1'],
  ['PAYMENT_URL', 'pay.test'],
  ['PAYMENT_TIMEOUT_MS', '5s'],
  ['PAYMENT_DEADLINE_MS', 'soon'],
  ['COURIERS', 'many'],
  ['CURRENCY', 'usd'],
  ['CATALOG', 'nowhere.json'],
  ['CATALOG', 'package.json'],
  ['RPC_TIMEOUT_MS', '0'],
  ['DELIVERY_SIMULATION_MS', 'soon'],
  ['AUTH', 'maybe'],
  ['EVENTS_MAX_AGE', 'soon'],
  ['EVENTS_MAX_BYTES', '1GB'],
  ['NATS_URL', 'not a url'],
  ['NATS_URL', ','],
  ['NATS_CREDS', 'nowhere.creds'],
  ['NATS_CA', 'nowhere.pem'],
] as const) {
  test(`${variable}=${value}, told before any server is needed`, async () => {
    const { exitCode, stderr } = await nodeRuntime([], { NATS_URL: 'nats://127.0.0.1:1', [variable]: value })
    assert.is(exitCode, 2)
    assert.ok(stderr.startsWith(`${variable}: `), stderr)
    assert.is(stderr.split('\n').length, 1)
  })
}

for (const value of ['nowhere', '127.0.0.1', '127.0.0.1:99999']) {
  test(`HTTP_ADDR=${value}`, async () => {
    const { url } = await startBroker()
    const { exitCode, stderr } = await nodeRuntime(['--only', 'gateway'], { NATS_URL: url, HTTP_ADDR: value })
    assert.equal([exitCode, stderr.split('\n').length], [2, 1])
    assert.ok(stderr.startsWith('HTTP_ADDR: '), stderr)
  })
}

test('a port that is in use', async () => {
  const { url } = await startBroker()
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  atEnd(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const { exitCode, stderr } = await nodeRuntime([], { NATS_URL: url, HTTP_ADDR: `127.0.0.1:${port}` })
  assert.equal([exitCode, stderr.split('\n').length], [2, 1])
  assert.match(stderr, /^HTTP_ADDR: cannot listen: .*EADDRINUSE/)
})

test('a server without JetStream', async () => {
  const { url } = await startBroker({ jetstream: false })
  const { exitCode, stderr } = await nodeRuntime([], { NATS_URL: url })
  assert.equal([exitCode, stderr.split('\n').length], [2, 1])
  assert.match(stderr, /^NATS_URL: .*JetStream/)
})

test('a server whose EVENTS stream carries other subjects', async () => {
  const { url } = await startBroker()
  const jsm = await (await openWire({ url })).nc.jetstreamManager()
  await jsm.streams.add({ name: 'EVENTS', subjects: ['alien.>'] })
  const { exitCode, stderr } = await nodeRuntime([], { NATS_URL: url })
  assert.is(exitCode, 2)
  assert.is(stderr, "NATS_URL: the stream EVENTS on this server is another system's: it carries alien.>, ours events.*")
  assert.equal((await jsm.streams.info('EVENTS')).config.subjects, ['alien.>'])
})

test('a server where another stream has our subjects', async () => {
  const { url } = await startBroker()
  const jsm = await (await openWire({ url })).nc.jetstreamManager()
  await jsm.streams.add({ name: 'ALIEN', subjects: ['events.*'] })
  const { exitCode, stderr } = await nodeRuntime([], { NATS_URL: url })
  assert.is(exitCode, 2)
  assert.is(stderr, 'NATS_URL: another stream on this server carries events.* already')
})

test.run()
