import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { customer } from '../support/orders'
import { recordsOf } from '../support/records'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('records that were lost, built anew from what was decided')

const buckets = { orders: 'order/track', payments: 'payment/track', deliveries: 'delivery/track' }

test('a history of every fate gives the same records, byte for byte, asks nobody and emits nothing', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  await fates()
  await everyFunctionIsDone()

  const before = await dumps()
  assert.ok(Object.keys(before.orders ?? {}).length >= 12)
  const { last_seq } = (await jsm.streams.info('EVENTS')).state
  for (const bucket of Object.keys(buckets)) await jsm.streams.purge(`KV_${bucket}`)
  assert.equal(Object.keys((await dumps()).payments ?? {}), [])
  for (const name of Object.values(buckets)) {
    const { exitCode, stdout, stderr } = await runTool(broker, ['replay', name, '--from-seq', '1'])
    assert.equal({ exitCode, stderr }, { exitCode: 0, stderr: '' })
    assert.match(stdout, / handled, 0 refused, 0 failed$/)
  }
  const after = await dumps()
  for (const [bucket, records] of Object.entries(before)) {
    assert.equal(after[bucket], records, bucket)
  }
  assert.is((await jsm.streams.info('EVENTS')).state.last_seq, last_seq)

  async function dumps(): Promise<Record<string, Record<string, string>>> {
    const all: Record<string, Record<string, string>> = {}
    for (const bucket of Object.keys(buckets)) all[bucket] = await recordsOf(jsm, bucket)
    return all
  }

  async function everyFunctionIsDone(): Promise<void> {
    for (const stream of ['EVENTS', 'JOBS']) {
      await eventually(`all of ${stream} to be handled`, async () => {
        const consumers = await jsm.consumers.list(stream).next()
        return consumers.every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0)
      })
    }
  }

  /** Orders of every fate, and one left open in each status; what holds those open there is away only meanwhile. */
  async function fates(): Promise<void> {
    const app = await startApp(broker)
    const shop = customer(app)
    const { order, reaches, report, cancel, shelve, events } = shop
    await shelve('scarce', 1)
    await shelve('dear', 10, 1_000_001)

    await reaches(await order({ scarce: 2 }), 'cancelled')
    await reaches(await order({ 'no-such-thing': 1 }), 'cancelled')
    await reaches(await order({ dear: 1 }), 'cancelled')
    const assigned = await Promise.all(Array.from({ length: 8 }, () => order()))
    for (const id of assigned) await reaches(id, 'assigned')
    const [delivered = '', failedEarly = '', failedLate = '', late = '', pickedUp = '', noted = '', letGo = ''] =
      assigned
    await report(delivered, 'picked_up')
    await report(delivered, 'delivered')
    await report(failedEarly, 'failed')
    await report(failedLate, 'picked_up')
    await report(failedLate, 'failed')
    await report(pickedUp, 'picked_up')
    assert.is((await cancel(pickedUp)).status, 409)
    // Its process died between order's leave and the report, and the next report is another one.
    await wire.ask('rpc.dispatch_order', { order_id: letGo, courier_id: 'courier-1' })
    await report(letGo, 'failed')
    assert.is((await cancel(late, 'too late, says the cat')).status, 200)
    await shop.send('POST', `/api/v1/deliveries/${noted}/status`, { status: 'failed', note: 'nobody home' })
    const early = await Promise.all(Array.from({ length: 8 }, async () => order()))
    await Promise.all(early.map((id) => cancel(id)))
    for (const id of [late, ...early, failedEarly, failedLate, noted, letGo]) await reaches(id, 'cancelled')
    await reaches(delivered, 'delivered')
    await events(delivered, ['inventory_shipped'])
    await refusedCancel(pickedUp)
    await repeats()
    await app.end()

    const lone = await startApp(broker, { env: { COURIERS: '0' } })
    const abandoned = await customer(lone).order()
    await customer(lone).reaches(abandoned, 'cancelled')
    await customer(lone).events(abandoned, ['inventory_released', 'payment_refunded'])
    await lone.end()
  }

  /** A cancel whose process died before order decided it, and which the pick-up overtook. */
  async function refusedCancel(order_id: string): Promise<void> {
    const wish = { order_id, user_id: 'u-1', occurred_at: new Date().toISOString(), by: 'customer' }
    await wire.store('events.order_cancel_requested', wish, { 'Nats-Msg-Id': `order_cancel_requested:${order_id}` })
  }

  /** Every event once more, as after the broker forgot its id; and each order_created with another request. */
  async function repeats(): Promise<void> {
    await everyFunctionIsDone()
    for (const { subject, body } of await wire.stored('EVENTS')) {
      if (subject === 'events.inventory_adjusted') continue
      await wire.store(subject, body)
      if (subject === 'events.order_created')
        await wire.store(subject, { ...(body as object), request_hash: 'another' })
    }
  }
})

test('open orders: in each status the record is the same again', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  for (const [away, status] of [
    ['inventory/reserve', 'created'],
    ['payment/capture', 'reserved'],
    ['delivery/assign', 'paid'],
  ] as const) {
    const app = await startApp(broker, { args: ['--except', away] })
    const id = await customer(app).order()
    await customer(app).reaches(id, status)
    const before = (await recordsOf(jsm, 'orders'))[id]
    await app.end()
    await jsm.streams.purge('KV_orders')
    const { exitCode } = await runTool(broker, ['replay', 'order/track', '--order', id])
    assert.is(exitCode, 0)
    assert.equal(await recordsOf(jsm, 'orders'), { [id]: before }, status)
  }
})

test('what decides or acts is not replayed', async () => {
  for (const name of ['payment/capture', 'payment/refund', 'delivery/assign', 'inventory/reserve']) {
    const { exitCode, stderr } = await runTool(undefined, ['replay', name])
    assert.is(exitCode, 2)
    assert.is(stderr, `FUNCTION: ${name} decides or acts, and a replay would do that again; see docs/operations.md`)
  }
})

test.run()
