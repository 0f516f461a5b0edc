import { execaSync } from 'execa'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startCluster } from '../support/cluster'
import { customer } from '../support/orders'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { openWire } from '../support/wire'

const test = suite('a cluster of three')

const [, minor = '0'] = /v2\.(\d+)\./.exec(execaSync(process.env.NATS_SERVER as string, ['-v']).stdout) ?? []
const holds = Number(minor) >= 11

if (holds) {
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
} else {
  test('REPLICAS is refused by servers whose compare-and-set has two winners there', async () => {
    const { exitCode, stderr } = await runTool(await startCluster(), [], { REPLICAS: '3', HTTP_ADDR: '127.0.0.1:0' })
    assert.is(exitCode, 2)
    assert.match(stderr, /^REPLICAS: 3 needs nats-server 2\.11\.0 or newer; this one is 2\.\d+\.\d+$/)
  })
}

test.run()
