import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { replicates, startCluster } from '../support/cluster'
import { customer } from '../support/orders'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a cluster of three')

if (replicates(process.env.NATS_SERVER as string)) {
  test('REPLICAS is honoured for every stream and bucket, and an order gets to the door', async () => {
    const cluster = await startCluster()
    const app = await startApp(cluster, { env: { REPLICAS: '3', DELIVERY_SIMULATION_MS: '1' } })
    const { order, reaches } = customer(app)
    await reaches(await order(), 'delivered')
    const wire = await openWire({ url: cluster.url.split(',')[0] as string })
    const jsm = await wire.nc.jetstreamManager()
    const streams = await jsm.streams.list().next()
    assert.ok(streams.length > 5)
    for (const { config } of streams) assert.is(config.num_replicas, 3, config.name)
    assert.is(await app.end(), 0)
  })

  test('provision --update replicates what runs, orders go on, and who was not told reads from the leader all the same', async () => {
    const cluster = await startCluster()
    const app = await startApp(cluster)
    const { order, reaches } = customer(app)
    await reaches(await order(), 'assigned')
    const placing = Promise.all(Array.from({ length: 20 }, () => order()))
    const updated = await runTool(cluster, ['provision', '--update'], { REPLICAS: '3' })
    assert.is(updated.exitCode, 0, updated.stdout + updated.stderr)
    for (const id of await placing) await reaches(id, 'assigned')
    const wire = await openWire({ url: cluster.url.split(',')[0] as string })
    const jsm = await wire.nc.jetstreamManager()
    for (const { config } of await jsm.streams.list().next()) {
      assert.is(config.num_replicas, 3, config.name)
      await eventually(`${config.name} and its durables to be on three nodes`, async () => {
        const groups = [await jsm.streams.info(config.name), ...(await jsm.consumers.list(config.name).next())]
        return groups.every(({ cluster }) => cluster?.replicas?.filter(({ current }) => current).length === 2)
      })
    }
    const direct = await wire.hear('$JS.API.DIRECT.GET.>')
    const leaders = await wire.hear('$JS.API.STREAM.MSG.GET.>')
    await reaches(await order(), 'assigned')
    assert.ok(leaders.length > 0)
    assert.equal(direct, [])
  })
} else {
  test('REPLICAS is refused by servers whose compare-and-set has two winners there', async () => {
    const { exitCode, stderr } = await runTool(await startCluster(), [], { REPLICAS: '3', HTTP_ADDR: '127.0.0.1:0' })
    assert.is(exitCode, 2)
    assert.match(stderr, /^REPLICAS: 3 needs nats-server 2\.11\.0 or newer; this one is 2\.\d+\.\d+$/)
  })
}

test.run()
