import * as assert from 'uvu/assert'
import { ledgerStreams } from '../../provision/needs'
import { ensureStreams } from '../../provision/streams'
import { isAway } from '../../runtime/errors'
import type { JetStream, PublishOptions } from '../../runtime/nats/jetstream'
import type { LedgerDefinition } from '../../runtime/types'
import { filterOf, hashed, mayHave } from '../../stores/filter'
import { openLedger } from '../../stores/ledger'
import { pagesStream } from '../../stores/ledger_pages'
import { type Broker, startBroker } from '../support/broker'
import { connectJetStream } from '../support/jetstream'
import { random } from '../support/random'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('the pages of a ledger')

interface Add {
  key: string
  by: number
}
interface Sum {
  total: number
  seqs: number[]
}

const definition: LedgerDefinition<Add, Sum> = {
  // Two keys a decision: pages after fifty.
  pageAfter: 100,
  fold(table, { key, by }, seq) {
    const { total, seqs } = table.get(key) ?? { total: 0, seqs: [] }
    table.set(key, { total: total + by, seqs: [...seqs, seq] })
    // A second key of the same decision, so that a decision may find one of two in memory.
    const all = table.get(`last ${key}`)
    table.set(`last ${key}`, { total: seq, seqs: [...(all?.seqs ?? []), seq] })
  },
}

let shared: Promise<Broker> | undefined
const start = () => {
  shared ??= startBroker()
  return shared
}
let ledgers = 0

interface Watched {
  /** Sequences that were read of the ledger and of its pages. */
  read: { ledger: number[]; pages: number[] }
  /** Pages, indexes and heads that were written. */
  written: string[]
  /** Characters of each. */
  lengths: number[]
}

interface Link {
  of?: LedgerDefinition<Add, Sum>
  /** Writes of pages fail from the one with this number on, as of a process that died. */
  failFrom?: number
  /** Awaited before each look at the head, and before each head that is written. */
  atHead?(act: 'look' | 'write'): Promise<void>
}

/** A ledger whose link is watched. */
async function opened(broker: Broker, name: string, link: Link = {}) {
  const { of = definition, failFrom = Number.POSITIVE_INFINITY, atHead = async () => {} } = link
  const js = await connectJetStream(broker)
  await ensureStreams(js, ledgerStreams(name))
  const watched: Watched = { read: { ledger: [], pages: [] }, written: [], lengths: [] }
  const { stream, subject } = pagesStream(name)
  const watching: JetStream = {
    ...js,
    async read(from, which, budgetMs) {
      if (from === stream && 'last_by_subj' in which) await atHead('look')
      if ('seq' in which) watched.read[from === stream ? 'pages' : 'ledger'].push(which.seq)
      return js.read(from, which, budgetMs)
    },
    async publish(to: string, data: Parameters<JetStream['publish']>[1], options: PublishOptions) {
      if (!to.startsWith(subject)) return js.publish(to, data, options)
      if (watched.written.length + 1 >= failFrom) throw new Error('the process died')
      if (to.endsWith('.head')) await atHead('write')
      watched.written.push(to)
      watched.lengths.push(data.length)
      return js.publish(to, data, options)
    },
  }
  return { ledger: openLedger(watching, name, of), ...watched }
}

const add = (key: string, by = 1) => ({ key, by })
const numbers = (most: number) => Array.from({ length: most }, (_, index) => index + 1)
const headsOf = (written: string[]) => written.filter((subject) => subject.endsWith('.head')).length

/** One decision after the other, so that pages are written where they are due. */
async function put(ledger: Opened, most: number, key = 'key'): Promise<void> {
  for (const n of numbers(most)) {
    await ledger.decide(
      () => add(`${key} ${n}`),
      () => undefined,
    )
  }
}

type Opened = Awaited<ReturnType<typeof opened>>['ledger']
const totalOf = (ledger: Opened, key: string) => ledger.read((table) => table.get(key)?.total)

test('a ledger that is opened reads the tail after its pages alone, and knows all', async () => {
  const broker = await start()
  const name = `bounded_${++ledgers}`
  const first = await opened(broker, name)
  for (const n of numbers(205))
    await first.ledger.decide(
      () => add(`key ${n}`, n),
      () => undefined,
    )
  await eventually('pages', () => headsOf(first.written) >= 3)
  const second = await opened(broker, name)
  for (const n of [1, 2, 50, 51, 100, 204, 205]) assert.is(await totalOf(second.ledger, `key ${n}`), n)
  assert.is(await totalOf(second.ledger, 'key 206'), undefined)
  assert.ok(second.read.ledger.length < 120, `${second.read.ledger.length} appends were read`)
  await second.ledger.decide(
    () => add('key 1', 10),
    () => undefined,
  )
  assert.is(await totalOf(second.ledger, 'key 1'), 11)
  assert.is(await totalOf(first.ledger, 'key 1'), 11)
})

test('a long replay of a ledger without pages writes them as it goes, of any number of keys', async () => {
  const broker = await start()
  const name = `long_${++ledgers}`
  const before = await opened(broker, name, { of: { ...definition, pageAfter: 1e9 } })
  await Promise.all(
    numbers(25_000).map((n) =>
      before.ledger.decide(
        () => add(`key ${n}`, n),
        () => undefined,
      ),
    ),
  )
  await before.ledger.decide(
    () => add('key 1'),
    () => undefined,
  )
  const { ledger, written } = await opened(broker, name, { of: { ...definition, pageAfter: 1_000 } })
  assert.is(await totalOf(ledger, 'key 1'), 2)
  assert.ok(headsOf(written) >= 2, `${headsOf(written)} heads`)
  for (const n of [2, 9_999, 25_000]) assert.is(await totalOf(ledger, `key ${n}`), n)
  // Of so many keys at once the index would be larger than a message can be, if there were one of all.
  const late = await opened(broker, `${name}_late`, { of: { ...definition, pageAfter: 60_000 } })
  await Promise.all(
    numbers(60_000).map((n) =>
      late.ledger.decide(
        () => add(`key ${n}`, n),
        () => undefined,
      ),
    ),
  )
  await eventually('pages', () => headsOf(late.written) > 0)
  assert.ok(Math.max(...late.lengths) < 256 * 1024, `${Math.max(...late.lengths)} characters`)
  const next = await opened(broker, `${name}_late`)
  for (const n of [1, 30_000, 60_000]) assert.is(await totalOf(next.ledger, `key ${n}`), n)
})

test('what was not used since is forgotten, and read from a page when it is wanted', async () => {
  const name = `forgotten_${++ledgers}`
  const { ledger, read, written } = await opened(await start(), name)
  for (const n of numbers(400)) {
    await ledger.decide(
      () => add(`key ${n}`, n),
      () => undefined,
    )
    if (n % 50 === 0) await eventually('pages', () => headsOf(written) >= n / 50)
  }
  assert.is(read.pages.length, 0)
  assert.is(await totalOf(ledger, 'key 1'), 1)
  assert.ok(read.pages.length >= 1)
  const before = read.pages.length
  assert.is(await totalOf(ledger, 'key 1'), 1)
  assert.is(read.pages.length, before, 'what was just read is in memory')
})

test('several processes that decide at once fold the same table, whoever writes its pages', async () => {
  const broker = await start()
  const { seed, whole, chance } = random()
  const name = `many_${++ledgers}`
  const all = await Promise.all(numbers(3).map(() => opened(broker, name)))
  const expected = new Map<string, number>()
  for (const _ of numbers(60)) {
    await Promise.all(
      numbers(12).map(async () => {
        const key = `key ${chance(0.5) ? whole(1, 10) : whole(1, 300)}`
        const { ledger } = all[whole(0, 2)] as (typeof all)[number]
        // What is decided depends on what is known, so a stale page would show.
        const told = await ledger.decide(
          (table) => add(key, (table.get(key)?.total ?? 0) % 7 === 3 ? 2 : 1),
          (table) => table.get(key)?.total,
        )
        expected.set(key, Math.max(expected.get(key) ?? 0, told ?? 0))
      }),
    )
  }
  const fresh = await opened(broker, name)
  const unpaged = await opened(broker, name, { of: { ...definition, pageAfter: 1e9 } })
  for (const [key, total] of expected) {
    for (const { ledger } of [...all, fresh, unpaged])
      assert.is(await totalOf(ledger, key), total, `${key}, SEED=${seed}`)
  }
  assert.ok(all.some(({ written }) => headsOf(written) > 0))
})

test('one that adopts pages which know more than it first folds what they know', async () => {
  const broker = await start()
  const name = `ahead_${++ledgers}`
  const other = await opened(broker, name)
  let looks = 0
  const one = await opened(broker, name, {
    async atHead(act) {
      // The first look is that of the beginning, the second finds nothing; by the third the oldest keys are forgotten.
      if (act !== 'look' || ++looks !== 3) return
      await put(other.ledger, 60)
      await eventually('pages', () => headsOf(other.written) > 0)
    },
  })
  await put(one.ledger, 50)
  await eventually('pages', () => headsOf(one.written) > 0)
  await put(one.ledger, 50, 'middle')
  await eventually('the look at the head', () => looks === 3)
  await put(one.ledger, 1, 'late')
  for (const n of numbers(50)) assert.is(await totalOf(one.ledger, `key ${n}`), 2, `key ${n}`)
})

test('a head that is written late does not take the place of a newer one', async () => {
  const broker = await start()
  const name = `late_${++ledgers}`
  const one = await opened(broker, name)
  let release = () => {}
  const isLate = new Promise<void>((resolve) => {
    release = resolve
  })
  let waits = false
  const late = await opened(broker, name, {
    of: { ...definition, pageAfter: 10 },
    async atHead(act) {
      if (act !== 'write') return
      waits = true
      await isLate
    },
  })
  await put(one.ledger, 110, 'first')
  await put(late.ledger, 1, 'late')
  await eventually('the head to be written late', () => waits)
  await put(one.ledger, 150)
  await eventually('newer heads', () => headsOf(one.written) >= 5)
  release()
  await eventually('the late head', () => headsOf(late.written) === 1)
  await put(one.ledger, 100, 'last')
  for (const n of numbers(150)) assert.is(await totalOf(one.ledger, `key ${n}`), 1, `key ${n}`)
})

test('a process that dies anywhere in the writing of pages leaves nothing that counts', async () => {
  const broker = await start()
  for (const failFrom of numbers(4)) {
    const name = `died_${++ledgers}`
    const dying = await opened(broker, name, { failFrom, of: { ...definition, pageAfter: 40 } })
    for (const n of numbers(30))
      await dying.ledger.decide(
        () => add(`key ${n % 25}`),
        () => undefined,
      )
    const next = await opened(broker, name, { of: { ...definition, pageAfter: 40 } })
    for (const n of numbers(30))
      await next.ledger.decide(
        () => add(`key ${n % 25}`),
        () => undefined,
      )
    await eventually('pages', () => headsOf(next.written) > 0)
    for (const { ledger } of [dying, next, await opened(broker, name)]) {
      for (const n of numbers(24)) assert.is(await totalOf(ledger, `key ${n}`), n <= 5 ? 4 : 2, `key ${n}, ${failFrom}`)
    }
  }
})

test('of a ledger that was put back from an older copy the pages are not used', async () => {
  const broker = await start()
  const name = `older_${++ledgers}`
  const { ledger, written } = await opened(broker, name)
  for (const n of numbers(60))
    await ledger.decide(
      () => add(`key ${n}`),
      () => undefined,
    )
  await eventually('pages', () => headsOf(written) > 0)
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  const [{ name: stream, subjects }] = ledgerStreams(name) as [{ name: string; subjects: string[] }]
  const kept = await Promise.all(numbers(20).map((seq) => jsm.streams.getMessage(stream, { seq })))
  await jsm.streams.delete(stream)
  await jsm.streams.add({ name: stream, subjects, allow_direct: true })
  const wire = await openWire(broker)
  for (const { data } of kept) await wire.nc.jetstream().publish(subjects[0] as string, data)
  const next = await opened(broker, name)
  assert.is(await totalOf(next.ledger, 'key 20'), 1)
  assert.is(await totalOf(next.ledger, 'key 21'), undefined)
  for (const n of numbers(60))
    await next.ledger.decide(
      () => add(`key ${n}`),
      () => undefined,
    )
  await eventually('new pages', () => headsOf(next.written) > 0)
  const last = await opened(broker, name)
  assert.is(await totalOf(last.ledger, 'key 20'), 2)
  assert.is(await totalOf(last.ledger, 'key 21'), 1)
})

test('a ledger that was put back under a process which has it open is never mixed with what that one knew', async () => {
  const broker = await start()
  const name = `under_${++ledgers}`
  const { ledger } = await opened(broker, name)
  await put(ledger, 40, 'old')
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  const [{ name: stream, subjects }] = ledgerStreams(name) as [{ name: string; subjects: string[] }]
  const kept = await Promise.all(numbers(20).map((seq) => jsm.streams.getMessage(stream, { seq })))
  await jsm.streams.delete(stream)
  await jsm.streams.add({ name: stream, subjects, allow_direct: true })
  for (const { data } of kept) await wire.nc.jetstream().publish(subjects[0] as string, data)
  await put((await opened(broker, name)).ledger, 40, 'new')
  for (const asked of [totalOf(ledger, 'old 1'), put(ledger, 1), totalOf(ledger, 'new 1')]) {
    const told = await asked.catch((error) => error)
    assert.ok(isAway(told), String(told))
  }
  const { ledger: again } = await opened(broker, name)
  const keys = ['old 1', 'old 20', 'old 21', 'new 40', 'key 1']
  assert.equal(await Promise.all(keys.map((key) => totalOf(again, key))), [1, 1, undefined, 1, undefined])
})

async function madeAnew(broker: Broker, name: string) {
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  const { stream, subject, head } = pagesStream(name)
  await jsm.streams.delete(stream)
  await jsm.streams.add({ name: stream, subjects: [subject, head], allow_direct: true })
  return { jsm, subject }
}

async function withPages(broker: Broker, name: string, heads: number) {
  const { ledger, written } = await opened(broker, name)
  for (const nth of numbers(heads)) {
    await put(ledger, 50, `set ${nth}`)
    await eventually('pages', () => headsOf(written) >= nth)
  }
  return ledger
}

test('pages that were made anew under a process that uses them are not read as another’s: it folds anew', async () => {
  const broker = await start()
  const name = `anew_${++ledgers}`
  const ledger = await withPages(broker, name, 4)
  const { jsm, subject } = await madeAnew(broker, name)
  for (const n of numbers(9)) {
    await jsm.jetstream().publish(subject, JSON.stringify({ id: 'another', entries: [[`set 1 ${n}`, 7]] }))
  }
  const told = await totalOf(ledger, 'set 1 1').catch((error) => error)
  assert.ok(isAway(told), String(told))
  assert.is(await totalOf(ledger, 'set 1 1'), 1)
  assert.is(await totalOf((await opened(broker, name)).ledger, 'set 1 1'), 1)
})

test('nor are those that another process has written there since', async () => {
  const broker = await start()
  const name = `since_${++ledgers}`
  const ledger = await withPages(broker, name, 4)
  await madeAnew(broker, name)
  const other = await opened(broker, name)
  for (const nth of numbers(6)) {
    await put(other.ledger, 50, `later ${nth}`)
    await eventually('pages', () => headsOf(other.written) >= nth)
  }
  const totalHere = (key: string) => totalOf(ledger, key).catch(() => totalOf(ledger, key))
  await put(ledger, 60, 'here').catch(() => put(ledger, 60, 'here'))
  for (const nth of numbers(4)) for (const n of numbers(50)) assert.is(await totalHere(`set ${nth} ${n}`), 1)
  for (const nth of numbers(6)) for (const n of numbers(50)) assert.is(await totalHere(`later ${nth} ${n}`), 1)
})

test('a page that is lost costs its requests one try, then all is folded anew from the ledger', async () => {
  const broker = await start()
  const name = `lost_${++ledgers}`
  const ledger = await withPages(broker, name, 4)
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  await jsm.streams.deleteMessage(pagesStream(name).stream, 1)
  const asked = await Promise.allSettled([
    ledger.decide(() => add('set 4 1'), known('set 4 1')),
    ledger.read(known('set 1 1')),
    ledger.decide(() => add('set 4 2'), known('set 4 2')),
  ])
  assert.equal(
    asked.map((one) => (one.status === 'fulfilled' ? one.value : isAway(one.reason))),
    [2, true, 2],
  )
  assert.is(await totalOf(ledger, 'set 1 1'), 1)
  assert.is(await totalOf(ledger, 'set 4 1'), 2)
  const next = await opened(broker, name)
  assert.is(await totalOf(next.ledger, 'set 1 1').catch(() => totalOf(next.ledger, 'set 1 1')), 1)
})

const known = (key: string) => (table: { get(key: string): Sum | undefined }) => table.get(key)?.total

test('a value that is larger than a message stands in pieces', async () => {
  const broker = await start()
  const name = `large_${++ledgers}`
  const of = {
    pageAfter: 20,
    fold: (table: { set(key: string, value: string): void }, { key, by }: Add) => table.set(key, '"é'.repeat(by)),
  } as unknown as LedgerDefinition<Add, Sum>
  const first = await opened(broker, name, { of })
  await first.ledger.decide(
    () => add('large', 900_000),
    () => undefined,
  )
  await put(first.ledger, 30)
  await eventually('pages', () => headsOf(first.written) > 0)
  const { ledger, read } = await opened(broker, name, { of })
  assert.is(await ledger.read((table) => (table.get('large') as unknown as string)?.length), 1_800_000)
  assert.ok(read.pages.length > 10)
})

test('pages that another version of the fold made are not used', async () => {
  const broker = await start()
  const name = `version_${++ledgers}`
  await withPages(broker, name, 2)
  const twice: LedgerDefinition<Add, Sum> = {
    ...definition,
    version: 2,
    fold: (table, decision, seq) => definition.fold(table, { ...decision, by: 2 * decision.by }, seq),
  }
  const { ledger, written } = await opened(broker, name, { of: twice })
  assert.is(await totalOf(ledger, 'set 1 1'), 2)
  await put(ledger, 60, 'more')
  await eventually('pages', () => headsOf(written) > 0)
  assert.is(await totalOf((await opened(broker, name, { of: twice })).ledger, 'set 1 1'), 2)
  assert.is(await totalOf((await opened(broker, name)).ledger, 'set 1 1'), 1)
})

test('several processes write hardly more segments than one', async () => {
  const broker = await start()
  const name = `shared_${++ledgers}`
  const all = await Promise.all(numbers(4).map(() => opened(broker, name)))
  for (const n of numbers(600)) {
    await (all[n % 4] as (typeof all)[number]).ledger.decide(
      () => add(`key ${n}`),
      () => undefined,
    )
  }
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  const { stream, head } = pagesStream(name)
  const stored = await jsm.streams.getMessage(stream, { last_by_subj: head })
  const { segments } = JSON.parse(Buffer.from(stored.data).toString()) as { segments: unknown[] }
  assert.ok(segments.length <= 16, `${segments.length} segments of 600 decisions`)
})

test('a filter has every key that is in it, and hardly another one', () => {
  const keys = numbers(10_000).map((n) => `order:${n}`)
  const filter = filterOf(keys)
  assert.ok(keys.every((key) => mayHave(filter, hashed(key))))
  const wrong = keys.filter((key) => mayHave(filter, hashed(`${key}x`)))
  assert.ok(wrong.length < 30, `${wrong.length} of 10,000`)
})

test.run()
