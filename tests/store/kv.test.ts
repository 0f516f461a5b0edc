import * as assert from 'uvu/assert'
import { ensureStreams } from '../../provision/streams'
import { kvStore } from '../../stores/kv'
import { type Broker, startBroker } from '../support/broker'
import { connectJetStream } from '../support/jetstream'
import { startProxy } from '../support/proxy'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'
import { storePromises } from './promises'

const test = suite('the store on a key-value bucket')

let shared: Promise<Broker> | undefined
const start = () => {
  shared ??= startBroker()
  return shared
}

async function open(broker: Pick<Broker, 'url'>, leaderReads = false) {
  const js = await connectJetStream(broker, leaderReads)
  await ensureStreams(js, [{ name: 'KV_counts', subjects: ['$KV.counts.>'], bucket: true }])
  return kvStore<{ n: number }>(js, 'counts')
}

const add = ({ n }: { n: number } = { n: 0 }) => ({ n: n + 1 })

storePromises(test, async () => open(await start()))

test('a change that returns its argument leaves the bucket as it is', async () => {
  const broker = await start()
  const store = await open(broker)
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  await store.update('same', add)
  const { state } = await jsm.streams.info('KV_counts')
  await store.update('same', (known) => known)
  assert.is((await jsm.streams.info('KV_counts')).state.last_seq, state.last_seq)
})

test('read from the leader, as on a cluster, it is the same', async () => {
  const store = await open(await start(), true)
  assert.is(await store.get('led'), undefined)
  assert.equal(await store.update('led', add), { n: 1 })
  assert.equal(await store.update('led', add), { n: 2 })
  assert.equal(await store.get('led'), { n: 2 })
})

test('a write whose ack was lost with the link is applied once', async () => {
  const broker = await start()
  const proxy = await startProxy(broker)
  const store = await open(proxy)
  await store.update('lost', add)
  const broken = proxy.breakAfter('HPUB $KV.counts.lost')
  const updated = store.update('lost', add)
  await broken
  assert.equal(await (await open(broker)).get('lost'), { n: 2 })
  proxy.mend()
  assert.equal(await updated, { n: 2 })
  assert.equal(await store.get('lost'), { n: 2 })
})

test('so it is where another writer has written over it meanwhile', async () => {
  const broker = await start()
  const proxy = await startProxy(broker)
  const [store, other] = [await open(proxy), await open(broker)]
  await store.update('over', add)
  const broken = proxy.breakAfter('HPUB $KV.counts.over')
  const updated = store.update('over', add)
  await broken
  assert.equal(await other.update('over', add), { n: 3 })
  proxy.mend()
  await updated
  assert.equal(await store.get('over'), { n: 3 })
})

test('a change under way when the broker is killed is applied once', async () => {
  const broker = await start()
  const store = await open(broker)
  await store.update('killed', add)
  const killed = broker.kill('SIGKILL')
  const updated = store.update('killed', add)
  await killed
  await broker.start()
  assert.equal(await updated, { n: 2 })
  assert.equal(await store.get('killed'), { n: 2 })
})

test.run()
