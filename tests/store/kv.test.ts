import { headers } from 'nats'
import * as assert from 'uvu/assert'
import { ensureStreams } from '../../provision/streams'
import { kvStore } from '../../stores/kv'
import { openRecent, type Recent } from '../../stores/recent'
import type { Seen } from '../../stores/record'
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

async function open(broker: Pick<Broker, 'url'>, leaderReads = false, recent?: Recent<Seen>) {
  const js = await connectJetStream(broker, leaderReads)
  await ensureStreams(js, [{ name: 'KV_counts', subjects: ['$KV.counts.>'], bucket: true }])
  return kvStore<{ n: number }>(js, 'counts', recent)
}

const add = ({ n }: { n: number } = { n: 0 }) => ({ n: n + 1 })

storePromises(test, async () => open(await start()))

const remembers = suite('the store that remembers what it saw')

/** One that remembers, and another process that changes the same records. */
async function two() {
  const broker = await start()
  return { mine: await open(broker, false, openRecent(1_000_000)), other: await open(broker) }
}

storePromises(remembers, async () => open(await start(), false, openRecent(1_000_000)))

remembers('a refusal holds of what is there now, not of what was seen', async () => {
  const { mine, other } = await two()
  await mine.update('sold', () => ({ n: 0 }))
  await other.update('sold', () => ({ n: 5 }))
  const taken = mine.update('sold', (known) => {
    if (!known?.n) throw new Error('sold out')
    return { n: known.n - 1 }
  })
  assert.equal(await taken, { n: 4 })
  const gone = mine.update('sold', () => {
    throw new Error('never')
  })
  assert.match(await gone.catch((error: Error) => error.message), 'never')
})

remembers('so does that nothing is to be done, and that there is nothing', async () => {
  const { mine, other } = await two()
  await mine.update('same-now', () => ({ n: 1 }))
  await other.update('same-now', () => ({ n: 2 }))
  assert.equal(await mine.update('same-now', (known) => (known?.n === 1 ? known : { n: 3 })), { n: 3 })
  assert.is(await mine.get('absent'), undefined)
  await other.update('absent', () => ({ n: 7 }))
  assert.equal(await mine.update('absent', (known = { n: 0 }) => ({ n: known.n + 1 })), { n: 8 })
})

remembers('what a handler does to a record that it was given is its own', async () => {
  const { mine } = await two()
  const given = await mine.update('shared', () => ({ n: 1 }))
  given.n = 100
  assert.equal(await mine.update('shared', add), { n: 2 })
})

remembers('what a get has found to be absent is written without being read again', async () => {
  const { mine, other } = await two()
  const wire = await openWire(await start())
  const asked = await wire.hear('$JS.API.DIRECT.GET.KV_counts.$KV.counts.looked-for')
  const looks = async () => {
    await wire.nc.flush()
    return asked.length
  }
  assert.is(await mine.get('looked-for'), undefined)
  const before = await looks()
  assert.equal(await mine.update('looked-for', add), { n: 1 })
  assert.is(await looks(), before)
  assert.equal(await other.update('looked-for', add), { n: 2 })
  assert.is(await looks(), before + 1)
})

remembers('what is no JSON any more is read anew', async () => {
  const { mine } = await two()
  const { nc } = await openWire(await start())
  await nc.jetstream().publish('$KV.counts.torn', '{"n":')
  await mine.update('torn', add).catch(() => undefined)
  await nc.jetstream().publish('$KV.counts.torn', '{"n":4}')
  assert.equal(await mine.update('torn', add), { n: 5 })
})

remembers.run()

test('a change that returns its argument leaves the bucket as it is', async () => {
  const broker = await start()
  const store = await open(broker)
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  await store.update('same', add)
  const { state } = await jsm.streams.info('KV_counts')
  await store.update('same', (known) => known)
  assert.is((await jsm.streams.info('KV_counts')).state.last_seq, state.last_seq)
})

test('what is guessed to be absent, and is, is not read first', async () => {
  const js = await connectJetStream(await start(), false)
  await ensureStreams(js, [{ name: 'KV_counts', subjects: ['$KV.counts.>'], bucket: true }])
  let reads = 0
  const counted: typeof js = {
    ...js,
    read: (...which) => {
      reads++
      return js.read(...which)
    },
  }
  const store = kvStore<{ n: number }>(counted, 'counts')
  await store.update('guessed', add, 'absent')
  assert.is(reads, 0)
  assert.equal(await store.update('guessed', add, 'absent'), { n: 2 })
  assert.is(reads, 1)
})

test('a get leaves out the headers; a server that is too old for that is asked so once', async () => {
  const broker = await start()
  const store = await open(broker)
  await store.update('bare', add)
  const wire = await openWire(broker)
  const asked = await wire.hear('$JS.API.DIRECT.GET.KV_counts.>')
  assert.equal(
    [await store.get('bare'), await store.get('bare'), await store.get('none')],
    [{ n: 1 }, { n: 1 }, undefined],
  )
  await wire.nc.flush()
  const bare = asked.filter(({ body }) => (body as { no_hdr?: boolean } | undefined)?.no_hdr).length
  assert.ok(bare === 3 ? asked.length === 3 : bare === 1 && asked.length === 4, `${bare} bare of ${asked.length}`)
})

test('what another client has deleted or purged is not there', async () => {
  const broker = await start()
  const store = await open(broker)
  const { nc } = await openWire(broker)
  for (const operation of ['DEL', 'PURGE']) {
    await store.update(operation, add)
    const marker = headers()
    marker.set('KV-Operation', operation)
    await nc.jetstream().publish(`$KV.counts.${operation}`, undefined, { headers: marker })
    assert.is(await store.get(operation), undefined)
    assert.equal(await store.update(operation, add), { n: 1 })
  }
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
