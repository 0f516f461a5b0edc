import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { manifestFolder } from '../support/manifest_folder'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('signals')

const slow = (ms: number) => `export default ({ n }) => new Promise((resolve) => setTimeout(resolve, ${ms}, { n }))`
const slowRpc = (ms: number) =>
  manifestFolder({ 'slow/ask': { mode: 'rpc', subject: 'rpc.slow', queue: 'slow', source: slow(ms) } })

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: exit code 0, and the request under way is answered`, async () => {
    const broker = await startBroker()
    const wire = await openWire(broker)
    const app = await startApp(broker, { args: ['--manifest', await slowRpc(500)] })
    const reply = wire.ask('rpc.slow', { n: 1 })
    await wire.nc.flush()
    // Answered by the same process, after it has been given the request above.
    await wire.nc.request('rpc.slow', '{', { timeout: 5_000 })
    assert.is(await app.end(signal), 0)
    assert.equal((await reply).body, { n: 1 })
  })
}

test('a second signal ends it at once, though work is under way', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const app = await startApp(broker, { args: ['--manifest', await slowRpc(3_600_000)], env: { DRAIN_MS: '600000' } })
  wire.nc.publish('rpc.slow', '{"n":1}', { reply: 'nobody' })
  await wire.nc.request('rpc.slow', '{', { timeout: 5_000 })
  const ended = app.end('SIGTERM')
  await eventually('it to be stopping', () => app.log().some(({ msg }) => msg === 'stopping'))
  // One that comes within 200 ms is taken for the same Ctrl-C, passed on by npm.
  const again = setInterval(() => process.kill(app.pid, 'SIGTERM'), 100)
  assert.is.not(await ended.finally(() => clearInterval(again)), 0)
})

test('work longer than DRAIN_MS does not hold it', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const app = await startApp(broker, { args: ['--manifest', await slowRpc(3_600_000)], env: { DRAIN_MS: '50' } })
  wire.nc.publish('rpc.slow', '{"n":1}', { reply: 'nobody' })
  await wire.nc.request('rpc.slow', '{', { timeout: 5_000 })
  await app.end('SIGTERM')
  assert.ok(app.log().some(({ msg }) => String(msg).startsWith('work was still under way after DRAIN_MS')))
})

test('one that still waits for NATS ends, too', async () => {
  const child = execa('node', ['runtime'], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env.PATH, NATS_URL: 'nats://127.0.0.1:1' },
  })
  atEnd(() => child.kill('SIGKILL'))
  await new Promise<void>((resolve) =>
    child.stdout.on('data', (chunk) => {
      if (String(chunk).includes('waiting for NATS')) resolve()
    }),
  )
  child.kill('SIGTERM')
  assert.is((await child).exitCode, 0)
})

test.run()
