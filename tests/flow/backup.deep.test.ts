import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa, execaSync } from 'execa'
import * as assert from 'uvu/assert'
import { type App, startApp } from '../support/app'
import { type Bank, startBank } from '../support/bank'
import { type Broker, startBroker } from '../support/broker'
import { startCluster } from '../support/cluster'
import { impatient } from '../support/manifest'
import { customer } from '../support/orders'
import { recordsOf } from '../support/records'
import { faultsOf, shelved, sku, startCustomers } from '../support/restored'
import { atEnd, suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('a backup that is put back, as docs/backup.md says')

const atLeast = 150

async function run(broker: Pick<Broker, 'url'>, bank: Bank, more: Record<string, string> = {}): Promise<App> {
  const env = { PAYMENT_URL: bank.url, DELIVERY_SIMULATION_MS: '1000', BOOKS_GRACE_MS: '0', ...more }
  return startApp(broker, { args: ['--manifest', await impatient()], env })
}

async function openForOrders() {
  const [broker, bank] = await Promise.all([startBroker(), startBank()])
  const app = await run(broker, bank)
  await customer(app).shelve(sku, shelved)
  return { broker, bank, app, customers: startCustomers(app) }
}

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'backup-'))
  atEnd(() => rm(made, { recursive: true, force: true }))
  return made
}

/** How many orders a broker holds, how many of them are open, and how many durables there are of their events. */
async function heldBy(broker: Broker) {
  const wire = await openWire(broker)
  const events = await wire.stored('EVENTS')
  const created = events.filter(({ subject }) => subject === 'events.order_created').length
  const ended = events.filter(({ subject }) => /delivery_completed|order_cancelled$/.test(subject)).length
  const durables = (await (await wire.nc.jetstreamManager()).streams.info('EVENTS')).state.consumer_count
  await wire.stop()
  return { created, open: created - ended, durables }
}

/** How many durables have their floor saved. */
async function floorsOf(broker: Broker): Promise<number> {
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  const { state } = await jsm.streams.info('KV_runtime', { subjects_filter: '$KV.runtime.floor.>' })
  await wire.stop()
  return Object.keys(state.subjects ?? {}).length
}

async function streamsOf(broker: Broker): Promise<string[]> {
  const wire = await openWire(broker)
  const streams = await (await wire.nc.jetstreamManager()).streams.list().next()
  await wire.stop()
  return streams.map(({ config }) => config.name)
}

/** Of servers before 2.11 the runtime refuses a cluster. */
function holdsClusters(): boolean {
  const [, minor = '0'] = /v2\.(\d+)\./.exec(execaSync(process.env.NATS_SERVER as string, ['-v']).stdout) ?? []
  return Number(minor) >= 11
}

const isLedger = (stream: string) => stream.startsWith('LEDGER_')

/** What a replay of each function builds from EVENTS. */
const folded: Record<string, string[]> = {
  'order/track': ['orders', 'orders_of'],
  'payment/track': ['payments'],
  'delivery/track': ['deliveries'],
  'audit/record': ['history'],
}

/** What records say and EVENTS does not, is told it: orders, and which of them were cancelled. Returns how many orders. */
async function tellAgain(wire: Wire, records: Record<string, string>): Promise<number> {
  const known = new Set(
    (await wire.stored('EVENTS')).map(({ subject, body }) => `${subject} ${(body as Told).order_id}`),
  )
  let unknown = 0
  for (const [order_id, text] of Object.entries(records)) {
    const { user_id, created, cancelled } = JSON.parse(text) as StoredOrder
    const tell = async (type: string, body: object) => {
      if (known.has(`events.${type} ${order_id}`)) return false
      const told = { order_id, user_id, ...body }
      return Boolean(await wire.store(`events.${type}`, told, { 'Nats-Msg-Id': `${type}:${order_id}` }))
    }
    if (await tell('order_created', created)) unknown++
    if (cancelled) await tell('order_cancel_requested', { occurred_at: created.occurred_at, by: 'operator' })
  }
  return unknown
}

interface Told {
  order_id: string
}
interface StoredOrder {
  user_id: string
  created: { occurred_at: string }
  cancelled?: object
}

const until = (placed: string[], count: number) => eventually(`${count} orders`, () => placed.length >= count, 60_000)

test('a copy of the data of a server that has ended, taken where processes and server were killed', async () => {
  const { broker, bank, app, customers } = await openForOrders()
  await until(customers.placed, atLeast)
  await customers.end()
  await app.end('SIGKILL')
  await broker.kill('SIGKILL')
  const backup = await folder()
  await cp(broker.folder, backup, { recursive: true })
  await broker.start()

  const after = await run(broker, bank)
  const lost = await customer(after).order()
  await customer(after).reaches(lost, 'delivered')
  await after.end('SIGKILL')
  await broker.stop()

  const restored = await startBroker({ data: backup })
  const { created, open } = await heldBy(restored)
  assert.ok(created >= atLeast && open > 10, `${created} orders, ${open} of them open`)
  const again = await run(restored, bank)
  assert.equal((await faultsOf(again, await openWire(restored), bank)).slice(0, 12), [])
  assert.is((await customer(again).send('GET', `/api/v1/orders/${lost}`)).status, 404)
})

const cli = [process.env.NATS_CLI, '.cache/engines/cli/nats'].find((path) => path && existsSync(path))
if (!cli) console.log('left out: nats backup account and restore; NATS_CLI names the nats command line')
else {
  const nats = (broker: Pick<Broker, 'url'>, ...args: string[]) =>
    execa(resolve(cli), ['--server', broker.url, ...args])
  /** As docs/backup.md says, where the node that the command speaks to has not heard of the one that takes a stream. */
  const restoreOnCluster = async (cluster: Pick<Broker, 'url'>, backup: string, tries = 5): Promise<void> => {
    try {
      await nats(cluster, 'backup', 'restore', 'account', backup)
    } catch (error) {
      if (tries === 1 || !(error as Error).message.includes('no responders available')) throw error
      const { stdout } = await nats(cluster, 'stream', 'ls', '--names')
      for (const name of stdout.split('\n').filter(Boolean)) await nats(cluster, 'stream', 'rm', name, '--force')
      return restoreOnCluster(cluster, backup, tries - 1)
    }
  }
  const restoredFrom = async (backup: string) => {
    const restored = await startBroker()
    await nats(restored, 'backup', 'restore', 'account', backup)
    return restored
  }

  for (const [what, flag] of [
    ['with the durables', '--consumers'],
    ['without the durables, so that every message is handled again', '--no-consumers'],
  ] as const)
    test(`nats backup account, while the functions stand still: ${what}`, async () => {
      const { broker, bank, app, customers } = await openForOrders()
      await until(customers.placed, atLeast)
      await customers.end()
      assert.is(await app.end(), 0)
      const backup = join(await folder(), 'account')
      await nats(broker, 'backup', 'account', backup, '--force', flag)

      const after = await run(broker, bank)
      const lost = await customer(after).order()
      await customer(after).reaches(lost, 'delivered')
      await after.end('SIGKILL')
      await broker.stop()

      const restored = await restoredFrom(backup)
      const { created, open, durables } = await heldBy(restored)
      assert.ok(created >= atLeast && open > 10, `${created} orders, ${open} of them open`)
      assert.is(durables > 0, flag === '--consumers')
      const again = await run(restored, bank)
      assert.equal((await faultsOf(again, await openWire(restored), bank)).slice(0, 12), [])
      assert.is((await customer(again).send('GET', `/api/v1/orders/${lost}`)).status, 404)
    })

  test('stream by stream under load, EVENTS before what follows it: what EVENTS does not know is told it again, and records are built anew', async () => {
    const { broker, bank, app, customers } = await openForOrders()
    await until(customers.placed, atLeast)
    const into = await folder()
    const names = await streamsOf(broker)
    const take = (name: string) => nats(broker, 'backup', 'stream', name, join(into, name), '--no-consumers')
    await eventually('floors to be saved', async () => (await floorsOf(broker)) > 5, 15_000)
    const first = ['KV_runtime', 'EVENTS']
    for (const name of first) await take(name)
    await until(customers.placed, customers.placed.length + 40)
    // A cancel after the last of them is one that the backup does not have, and the payment service has.
    await customers.end()
    const rest = names
      .filter((name) => !first.includes(name))
      .sort((one, other) => Number(isLedger(other)) - Number(isLedger(one)))
    for (const name of rest) await take(name)
    await app.end('SIGKILL')
    await broker.stop()

    const restored = await startBroker()
    for (const name of names) await nats(restored, 'backup', 'restore', 'stream', join(into, name))
    const { exitCode, stdout } = await runTool(restored, ['provision', '--restored'])
    assert.is(exitCode, 0)
    assert.ok(stdout.split('goes on from its last saved floor').length > 5, stdout)
    assert.not.match(stdout, 'begins anew')
    const wire = await openWire(restored)
    const jsm = await wire.nc.jetstreamManager()
    const unknown = await tellAgain(wire, await recordsOf(jsm, 'orders'))
    assert.ok(unknown >= 30, `${unknown} orders that EVENTS does not know`)
    for (const bucket of Object.values(folded).flat()) await jsm.streams.purge(`KV_${bucket}`)
    for (const name of ['LEDGER_books', 'LEDGER_books_pages']) await jsm.streams.delete(name)
    assert.is((await runTool(restored, ['provision'])).exitCode, 0)
    for (const name of Object.keys(folded)) {
      assert.is((await runTool(restored, ['replay', name, '--from-seq', '1'])).exitCode, 0, name)
    }
    const again = await run(restored, bank)
    assert.equal((await faultsOf(again, wire, bank)).slice(0, 12), [])
  })

  if (holdsClusters())
    test('the backup of one server goes on as a cluster of three, once provision --update has made the copies', async () => {
      const { broker, bank, app, customers } = await openForOrders()
      await until(customers.placed, atLeast)
      await customers.end()
      assert.is(await app.end(), 0)
      const backup = join(await folder(), 'account')
      await nats(broker, 'backup', 'account', backup, '--force')
      await broker.stop()

      const cluster = await startCluster()
      await eventually('the cluster to take streams', () =>
        nats(cluster, 'stream', 'ls').then(
          () => true,
          () => false,
        ),
      )
      await restoreOnCluster(cluster, backup)
      const provisioned = await runTool(cluster, ['provision', '--update'], { REPLICAS: '3' })
      assert.is(provisioned.exitCode, 0, provisioned.stdout + provisioned.stderr)
      const again = await run(cluster, bank, { REPLICAS: '3' })
      const wire = await openWire({ url: cluster.url.split(',')[0] as string })
      assert.equal((await faultsOf(again, wire, bank)).slice(0, 12), [])
      const streams = await (await wire.nc.jetstreamManager()).streams.list().next()
      assert.equal(
        streams.filter(({ config }) => config.num_replicas !== 3).map(({ config }) => config.name),
        [],
      )
    })
}

test.run()
