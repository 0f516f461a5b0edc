import * as assert from 'uvu/assert'
import { ledgerStreams } from '../../provision/needs'
import { ensureStreams } from '../../provision/streams'
import type { JetStream } from '../../runtime/nats/jetstream'
import type { LedgerDefinition, Table } from '../../runtime/types'
import { openLedger } from '../../stores/ledger'
import { ledgerStream } from '../../stores/ledger_log'
import { type Broker, startBroker } from '../support/broker'
import { connectJetStream } from '../support/jetstream'
import { startProxy } from '../support/proxy'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('the ledger')

interface Entry {
  by: string
  amount: number
}
interface Account {
  balance: number
  entries: string[]
}

const account = 'account'
const empty: Account = { balance: 0, entries: [] }
const known = (table: Table<Account>) => table.get(account) ?? empty

const definition: LedgerDefinition<Entry, Account> = {
  fold(table, { by, amount }, seq) {
    const { balance, entries } = known(table)
    table.set(account, { balance: balance + amount, entries: [...entries, `${seq} ${by}`] })
  },
}

let shared: Promise<Broker> | undefined
const start = () => {
  shared ??= startBroker()
  return shared
}

let ledgers = 0
const freshName = () => `number_${++ledgers}`

async function connected(broker: Pick<Broker, 'url'>, name: string): Promise<JetStream> {
  const js = await connectJetStream(broker)
  await ensureStreams(js, ledgerStreams(name))
  return js
}

const open = async (broker: Pick<Broker, 'url'>, name: string, of = definition) =>
  openLedger(await connected(broker, name), name, of)

/** What the broker holds, read without the runtime. */
async function appended(broker: Broker, name: string) {
  const groups = await (await openWire(broker)).stored(ledgerStream(name).stream)
  const decisions = groups.flatMap(({ body }) => (body as { decisions: Entry[] }).decisions)
  return { appends: groups.length, decisions: decisions.map(({ by }) => by) }
}

const put = (by: string, amount = 1) => ({ by, amount })
const numbered = (all: string[]) => all.map((by, index) => `${index + 1} ${by}`)
const sorted = (all: string[]) => all.toSorted()

test('decisions of many callers at once are all appended, once and in one order', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  const callers = Array.from({ length: 200 }, (_, index) => `caller ${index}`)
  const seen = await Promise.all(callers.map((by) => ledger.decide(() => put(by), known)))
  const { decisions } = await appended(broker, name)
  assert.equal(decisions, callers)
  assert.equal((await ledger.read(known)).entries, numbered(decisions))
  for (const [index, by] of callers.entries()) {
    assert.ok(seen[index]?.entries.includes(`${index + 1} ${by}`), `${by} read a state without its decision`)
  }
})

test('what queued during an append goes into the next one: far fewer appends than decisions', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  await Promise.all(Array.from({ length: 500 }, (_, index) => ledger.decide(() => put(`${index}`), known)))
  const { appends, decisions } = await appended(broker, name)
  assert.is(decisions.length, 500)
  assert.ok(appends <= 5, `${appends} appends`)
})

test('a group is no larger than what one message takes', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  const by = 'x'.repeat(100_000)
  await Promise.all(Array.from({ length: 20 }, () => ledger.decide(() => put(by), known)))
  const { appends, decisions } = await appended(broker, name)
  assert.is(decisions.length, 20)
  assert.ok(appends > 1 && appends < 20, `${appends} appends`)
})

test('one that is too large fails alone, and two that are too large for one message go in two', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  const decideAll = (sizes: number[]) =>
    Promise.allSettled(sizes.map((size) => ledger.decide(() => put('x'.repeat(size)), known)))
  const ends = (all: PromiseSettledResult<unknown>[]) => all.map(({ status }) => status)
  assert.equal(ends(await decideAll([10, 1_100_000, 10])), ['fulfilled', 'rejected', 'fulfilled'])
  assert.equal(ends(await decideAll([500_000, 700_000, 10])), ['fulfilled', 'fulfilled', 'fulfilled'])
  assert.is((await appended(broker, name)).decisions.length, 5)
})

test('each decides on what those before it in the group decided', async () => {
  const name = freshName()
  const ledger = await open(await start(), name)
  await ledger.decide(() => put('stock', 10), known)
  const took = await Promise.all(
    Array.from({ length: 25 }, async (_, index) => {
      let taken = false
      await ledger.decide((table) => {
        taken = known(table).balance > 0
        return taken ? put(`${index}`, -1) : undefined
      }, known)
      return taken
    }),
  )
  assert.is(took.filter(Boolean).length, 10)
  assert.is((await ledger.read(known)).balance, 0)
})

test('a refusal thrown in choose concerns that request alone', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, (_, index) =>
      ledger.decide(() => {
        if (index % 3 === 0) throw new Error(`no ${index}`)
        return put(`${index}`)
      }, known),
    ),
  )
  for (const [index, result] of results.entries()) {
    assert.is(result.status, index % 3 === 0 ? 'rejected' : 'fulfilled')
    if (result.status === 'rejected') assert.is(result.reason.message, `no ${index}`)
  }
  assert.is((await appended(broker, name)).decisions.length, 20)
})

test('a read that throws concerns that request alone, and its decision stands', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  const [first, second] = await Promise.allSettled([
    ledger.decide(
      () => put('first'),
      () => {
        throw new Error('unreadable')
      },
    ),
    ledger.decide(() => put('second'), known),
  ])
  assert.equal([first?.status, second?.status], ['rejected', 'fulfilled'])
  assert.equal((await appended(broker, name)).decisions, ['first', 'second'])
})

test('a read may not change the state', async () => {
  const ledger = await open(await start(), freshName())
  try {
    await ledger.read((table) => table.set(account, empty))
    assert.unreachable('it was changed')
  } catch (error) {
    assert.match((error as Error).message, 'a read of a ledger changes nothing')
  }
  assert.equal(await ledger.read(known), empty)
})

test('nothing decided appends nothing', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  assert.equal(await ledger.decide(() => undefined, known), empty)
  assert.is((await appended(broker, name)).appends, 0)
})

test('two instances taking turns and racing lose nothing and double nothing', async () => {
  const broker = await start()
  const name = freshName()
  const pair = [await open(broker, name), await open(broker, name)]
  const expected: string[] = []
  const decide = (turn: number, by: string) => {
    expected.push(by)
    return pair[turn % 2]?.decide(() => put(by), known)
  }
  for (let turn = 0; turn < 10; turn++) await decide(turn, `turn ${turn}`)
  const racing = Array.from({ length: 100 }, (_, index) => decide(index, `race ${index}`))
  await Promise.all(racing)
  const { decisions } = await appended(broker, name)
  assert.equal(sorted(decisions), sorted(expected))
  for (const ledger of pair) assert.equal((await ledger.read(known)).entries, numbered(decisions))
})

test('two instances never give the same thing twice', async () => {
  const broker = await start()
  const name = freshName()
  const pair = [await open(broker, name), await open(broker, name)] as const
  await pair[0].decide(() => put('stock', 20), known)
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      (index % 2 ? pair[0] : pair[1]).decide(
        (table) => (known(table).balance > 0 ? put(`${index}`, -1) : undefined),
        known,
      ),
    ),
  )
  for (const ledger of pair) assert.is((await ledger.read(known)).balance, 0)
  assert.is((await appended(broker, name)).decisions.length, 21)
})

test('a read, and a decision for nothing, see what another instance has appended', async () => {
  const broker = await start()
  const name = freshName()
  const [one, other] = [await open(broker, name), await open(broker, name)]
  assert.equal(await other.read(known), empty)
  for (let n = 1; n <= 20; n++) {
    await one.decide(() => put(`${n}`), known)
    const look = n % 2 ? other.read(known) : other.decide(() => undefined, known)
    assert.is((await look).balance, n)
  }
})

test('a refusal is decided on what another instance has appended, not on an old state', async () => {
  const broker = await start()
  const name = freshName()
  const [one, other] = [await open(broker, name), await open(broker, name)]
  await other.read(known)
  await one.decide(() => put('stock', 1), known)
  await other.decide((table) => {
    if (known(table).balance === 0) throw new Error('there is none')
    return put('taken', -1)
  }, known)
  assert.is((await one.read(known)).balance, 0)
})

test('it begins with its initial decisions exactly once, though two instances open at the same time', async () => {
  const broker = await start()
  for (let round = 0; round < 10; round++) {
    const name = freshName()
    const begins = { ...definition, initial: () => [put('a', 5), put('b', 6)] }
    const pair = [await open(broker, name, begins), await open(broker, name, begins)] as const
    const [one, other] = await Promise.all(pair.map((ledger) => ledger.read(known)))
    assert.equal(one, { balance: 11, entries: ['1 a', '2 b'] })
    assert.equal(other, one)
    assert.equal((await appended(broker, name)).decisions, ['a', 'b'])
  }
})

test('a third instance folds the whole log, however long', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  for (let n = 0; n < 300; n++) await ledger.decide(() => put(`${n}`), known)
  const late = await (await open(broker, name)).read(known)
  assert.is((await appended(broker, name)).appends, 300)
  assert.equal(late.entries, numbered(Array.from({ length: 300 }, (_, n) => `${n}`)))
})

for (const meanwhile of [false, true]) {
  test(`an append whose ack was lost with the link is appended once${meanwhile ? ', also where another came after it' : ''}`, async () => {
    const broker = await start()
    const name = freshName()
    const proxy = await startProxy(broker)
    const [ledger, other] = [await open(proxy, name), await open(broker, name)]
    await ledger.decide(() => put('before'), known)
    const broken = proxy.breakAfter(`HPUB ledger.${name} `)
    const decided = Promise.all([ledger.decide(() => put('lost 1'), known), ledger.decide(() => put('lost 2'), known)])
    await broken
    if (meanwhile) await other.decide(() => put('meanwhile'), known)
    proxy.mend()
    const [first] = await decided
    const { decisions } = await appended(broker, name)
    assert.equal(sorted(decisions), sorted(['before', 'lost 1', 'lost 2', ...(meanwhile ? ['meanwhile'] : [])]))
    assert.ok(first?.entries.includes('2 lost 1'))
    for (const one of [ledger, other]) assert.equal((await one.read(known)).entries, numbered(decisions))
  })
}

test('a broker that was killed in between: nothing is lost and nothing doubled', async () => {
  const broker = await start()
  const name = freshName()
  const pair = [await open(broker, name), await open(broker, name)] as const
  const expected = Array.from({ length: 60 }, (_, index) => `${index}`)
  const decide = (by: string) => pair[Number(by) % 2 ? 0 : 1].decide(() => put(by), known)
  await Promise.all(expected.slice(0, 20).map(decide))
  const killed = broker.kill('SIGKILL')
  const underWay = Promise.all(expected.slice(20, 40).map(decide))
  await killed
  await broker.start()
  await underWay
  await Promise.all(expected.slice(40).map(decide))
  const { decisions } = await appended(broker, name)
  assert.equal(sorted(decisions), sorted(expected))
  for (const ledger of pair) assert.equal((await ledger.read(known)).entries, numbered(decisions))
})

test('that was made anew under an open one says so, to everybody who asks, and appends nothing', async () => {
  const broker = await start()
  const name = freshName()
  const ledger = await open(broker, name)
  await ledger.decide(() => put('before'), known)
  await ledger.decide(() => put('before, too'), known)
  const wire = await openWire(broker)
  const { stream, subject } = ledgerStream(name)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.delete(stream)
  await jsm.streams.add({ name: stream, subjects: [subject], allow_direct: true })
  for (const ask of [() => ledger.decide(() => put('after'), known), () => ledger.read(known)]) {
    assert.match(String(await ask().catch((error: Error) => error.message)), 'made anew')
  }
  assert.equal((await appended(broker, name)).decisions, [])
})

test.run()
