import { dirname } from 'node:path'
import { connect } from 'nats'
import * as assert from 'uvu/assert'
import { probe } from '../../embedded/probe'
import { startApp } from '../support/app'
import { freePort, startBroker } from '../support/broker'
import { customer } from '../support/orders'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { inFolder } from './fixtures'

const test = suite('node runtime --embedded, as npm start runs it')

/** A machine where the server is on the PATH and nobody listens on the port. */
async function machine(folder: string) {
  const path = `${dirname(process.env.NATS_SERVER ?? '')}:${process.env.PATH}`
  return { PATH: path, NATS_PORT: String(await freePort()), DATA_DIR: folder, DELIVERY_SIMULATION_MS: '20' }
}

test('starts a server, says where HTTP listens and what to type, and ends both on Ctrl-C', () =>
  inFolder(async (folder) => {
    const env = await machine(folder)
    const app = await startApp(undefined, { args: ['--embedded'], env })
    await eventually('what to type', () => app.said().includes("}'"))
    assert.match(app.said(), `HTTP listens on ${app.url}`)
    assert.match(app.said(), `curl -s ${app.url}/api/v1/orders -d '{`)
    const pasted = /-d '(\{.*\})'/.exec(app.said())?.[1] ?? ''
    const answer = await fetch(`${app.url}/api/v1/orders`, { method: 'POST', body: pasted })
    assert.is(answer.status, 201)
    assert.is(await app.end('SIGINT'), 0)
    assert.is(await probe('127.0.0.1', Number(env.NATS_PORT)), undefined)
  }))

test('goes on from the same data next time', () =>
  inFolder(async (folder) => {
    const env = await machine(folder)
    const first = await startApp(undefined, { args: ['--embedded'], env })
    const id = await customer(first).order()
    await customer(first).reaches(id, 'delivered')
    assert.is(await first.end('SIGTERM'), 0)
    const second = await startApp(undefined, { args: ['--embedded'], env })
    assert.is((await customer(second).status(id)).status, 'delivered')
    assert.is(await second.end('SIGTERM'), 0)
  }))

test('commands find it by NATS_PORT, and provision --embedded starts it where nothing runs', () =>
  inFolder(async (folder) => {
    const env = await machine(folder)
    const missed = await runTool(undefined, ['call', 'rpc.check_inventory', '{"sku":"espresso-beans"}'], env)
    assert.equal(
      [missed.exitCode, missed.stderr],
      [2, `NATS_URL: nothing answers at nats://localhost:${env.NATS_PORT}`],
    )
    const provided = await runTool(undefined, ['provision', '--embedded'], env)
    assert.is(provided.exitCode, 0, provided.stdout + provided.stderr)
    assert.match(provided.stdout, /^EVENTS: created$/m)
    const app = await startApp(undefined, { args: ['--embedded'], env })
    const asked = await runTool(undefined, ['call', 'rpc.check_inventory', '{"sku":"espresso-beans"}'], env)
    assert.match(asked.stdout, '"sku":"espresso-beans"')
    assert.is(await app.end(), 0)
  }))

test('takes the server that answers already, and leaves it running', async () => {
  const broker = await startBroker()
  const env = { NATS_PORT: String(broker.port) }
  const app = await startApp(undefined, { args: ['--embedded'], env })
  await eventually('whose server it takes', () => app.said().includes('answers on localhost'))
  await customer(app).order()
  assert.is(await app.end('SIGTERM'), 0)
  assert.ok(await probe('127.0.0.1', broker.port))
  const again = await startApp(undefined, { args: ['--embedded'], env })
  assert.is(await again.end('SIGTERM'), 0)
})

test('refuses a server found there whose EVENTS is another system’s, and leaves it as it was', async () => {
  const broker = await startBroker()
  const nc = await connect({ servers: broker.url })
  const jsm = await nc.jetstreamManager()
  await jsm.streams.add({ name: 'EVENTS', subjects: ['events.*'], description: 'somebody else’s' })
  const refused = await startApp(undefined, { args: ['--embedded'], env: { NATS_PORT: String(broker.port) } }).catch(
    (error: Error) => error.message,
  )
  assert.match(String(refused), /ended with 2: .*EVENTS.*another system/s)
  assert.is((await jsm.streams.info('EVENTS')).state.messages, 0)
  await nc.close()
})

test.run()
