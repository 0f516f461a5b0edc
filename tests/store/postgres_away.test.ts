import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { isAway } from '../../runtime/errors'
import { faultOf } from '../../stores/postgres/faults'
import { type Database, postgresSuite } from '../support/postgres'
import { startProxy } from '../support/proxy'
import { atEnd } from '../support/suite'
import { openAt, storeAt } from '../support/tables'

const { test, database } = postgresSuite('a database that goes away and comes back')

interface Count {
  n: number
}

const add = ({ n }: Count = { n: 0 }) => ({ n: n + 1 })

/** The database, asked over a link that can break. */
async function overLink(base: Database) {
  const proxy = await startProxy(base)
  const url = base.url.replace(`:${base.port}/`, `:${new URL(proxy.url).port}/`)
  return { proxy, store: await storeAt<Count>(url) }
}

test('a write whose answer was lost with the link is applied once', async () => {
  const base = await database()
  const { proxy, store } = await overLink(base)
  await store.update('lost', add)
  const broken = proxy.breakAfter('{"n":2}')
  const updated = store.update('lost', add)
  await broken
  assert.equal(await (await storeAt(base.url)).get('lost'), { n: 2 })
  proxy.mend()
  assert.equal(await updated, { n: 2 })
  assert.equal(await store.get('lost'), { n: 2 })
})

test('so is the first one of a record', async () => {
  const base = await database()
  const { proxy, store } = await overLink(base)
  const broken = proxy.breakAfter('{"n":1}')
  const updated = store.update('first', add)
  await broken
  proxy.mend()
  assert.equal(await updated, { n: 1 })
})

test('so it is where another writer has written over it meanwhile', async () => {
  const base = await database()
  const { proxy, store } = await overLink(base)
  const other = await storeAt<Count>(base.url)
  await store.update('over', add)
  const broken = proxy.breakAfter('{"n":2}')
  const updated = store.update('over', add)
  await broken
  assert.equal(await other.update('over', add), { n: 3 })
  proxy.mend()
  await updated
  assert.equal(await store.get('over'), { n: 3 })
})

test('connections that are ended in the middle lose no write and double none', async () => {
  const { url, query } = await database()
  const stores = await Promise.all([storeAt<Count>(url), storeAt<Count>(url)])
  let ended = false
  let killed = 0
  const killing = (async () => {
    while (!ended) {
      const rows = await query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'runtime'",
      )
      killed += rows.length
      await sleep(20)
    }
  })()
  await Promise.all(
    Array.from({ length: 20 }, async (_, writer) => {
      for (let round = 0; round < 10; round++) await stores[writer % 2]?.update('ended', add)
    }),
  )
  ended = true
  await killing
  assert.equal(await stores[0]?.get('ended'), { n: 200 })
  assert.ok(killed > 10, `${killed} connections were ended`)
})

test('changes under way when the server is killed are applied once', async () => {
  const base = await database()
  const store = await storeAt<Count>(base.url)
  await store.update('killed', add)
  const killed = base.kill('SIGKILL')
  const updated = Promise.all(Array.from({ length: 10 }, () => store.update('killed', add)))
  await killed
  await base.start()
  await updated
  assert.equal(await store.get('killed'), { n: 11 })
})

test('who has no time left is told that it is away, and the log tells it once', async () => {
  const base = await database()
  const lines: string[] = []
  const note = (_: object, text: string) => void lines.push(text)
  const tables = await openAt(base.url, { log: { debug: note, info: note, warn: note, error: note } })
  const store = tables.store<Count>('counts', () => 300)
  await store.update('patient', add)
  await base.kill()
  for (const use of [() => store.get('patient'), () => store.update('patient', add)]) {
    const began = performance.now()
    assert.ok(isAway(await use().catch((error) => error)))
    assert.ok(performance.now() - began < 600)
  }
  await base.start()
  await sleep(200)
  assert.equal(await store.update('patient', add), { n: 2 })
  assert.equal(lines, ['PostgreSQL is away', 'PostgreSQL is there again'])
})

test('a row that somebody holds is waited for no longer than a statement may take', async () => {
  const { url, query } = await database()
  const store = await storeAt<Count>(url, 1_000)
  await store.update('held', add)
  // In one go, since what comes next may come over another connection.
  const held = "perform n from counts where id = 'held' for update; perform pg_sleep(2);"
  const holding = query(`do $$ begin ${held} end $$`)
  await sleep(200)
  const refused = await store.update('held', add).catch((error) => error)
  assert.ok(isAway(refused), String(refused))
  await holding
  assert.equal(await store.get('held'), { n: 2 })
})

test('a connection on which nothing comes any more is given up for another one', async () => {
  const { url, query } = await database()
  const tables = await openAt(url, { env: { DATABASE_POOL: '1' } })
  const store = tables.store<Count>('counts', () => 15_000)
  await store.update('silent', add)
  const [row] = await query(
    "select pid from pg_stat_activity where application_name = 'runtime' and query like 'insert into \"counts\"%' order by query_start desc",
  )
  const pid = Number(row?.pid)
  process.kill(pid, 'SIGSTOP')
  atEnd(() => process.kill(pid, 'SIGCONT'))
  assert.equal(await store.get('silent'), { n: 1 })
})

test('a server that hangs up at once is not asked without a pause', async () => {
  let asked = 0
  const server = createServer((socket) => {
    asked++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `postgres://u:p@127.0.0.1:${port}/x`
  const opening = openAt(url, { env: { DATABASE_POOL: '1' }, patienceMs: 1_500 }).catch((error) => error)
  await sleep(1_500)
  server.close()
  assert.ok(asked > 1 && asked < 50, `asked ${asked} times`)
  assert.match((await opening).message, /^DATABASE_URL: u@127\.0\.0\.1:\d+\/x: /)
})

const told: [string, string | undefined, string][] = [
  ['ECONNREFUSED', 'disconnected', 'nothing listens'],
  ['EAI_AGAIN', 'disconnected', 'no name server answers'],
  ['CONNECTION_CLOSED', 'disconnected', 'the link broke'],
  ['CONNECT_TIMEOUT', 'disconnected', 'nobody answers'],
  ['08006', 'unavailable', 'connection failure'],
  ['08P01', 'denied', 'unsupported startup parameter: search_path'],
  ['08P01', 'denied', 'no such database: x'],
  ['08P01', 'unavailable', 'query_wait_timeout'],
  ['08P01', 'unavailable', 'pgbouncer cannot connect to server'],
  ['57P01', 'unavailable', 'stopped by its operator'],
  ['57P03', 'unavailable', 'starting'],
  ['53300', 'unavailable', 'too many connections'],
  ['53100', 'unavailable', 'no room on its disk'],
  ['25006', 'unavailable', 'read only'],
  ['40001', 'unavailable', 'could not serialize'],
  ['40P01', 'unavailable', 'a deadlock'],
  ['57014', 'unavailable', 'the statement took too long'],
  ['28P01', 'denied', 'the password was changed'],
  ['42501', 'denied', 'a right was taken away'],
  ['42P01', 'denied', 'the table was dropped'],
  ['CERT_HAS_EXPIRED', 'denied', 'its certificate has expired'],
  ['22P02', undefined, 'a value that it cannot read'],
  ['23514', undefined, 'a rule of somebody else'],
]

for (const [code, reason, meaning] of told) {
  test(`${code} (${meaning}) is ${reason ?? 'a fault'}`, () => {
    const fault = faultOf(Object.assign(new Error(meaning), { code }))
    assert.is(isAway(fault) ? fault.reason : undefined, reason)
  })
}

test.run()
