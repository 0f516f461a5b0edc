import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { type Database, postgresSuite, startPostgres } from '../support/postgres'
import { atEnd } from '../support/suite'
import { openAt } from '../support/tables'
import { eventually } from '../support/wait'

const { test, database } = postgresSuite('links that fall silent, break or lead to the wrong server')

interface Count {
  n: number
}

const add = ({ n }: Count = { n: 0 }) => ({ n: n + 1 })

/** A way to the database on which some links fall silent, both ways, once their client has said a word. */
async function way(base: Database) {
  let target = base.port
  let isMute = (_: Buffer, __: Socket): boolean => false
  const links = new Map<Socket, Socket>()
  const silent = new Set<Socket>()
  const cut = (client: Socket) => {
    links.get(client)?.destroy()
    client.destroy()
    links.delete(client)
  }
  const server = createServer((client) => {
    const up = connect(target, '127.0.0.1')
    links.set(client, up)
    for (const end of [client, up]) end.on('error', () => cut(client)).on('close', () => cut(client))
    client.on('data', (data) => {
      // What is not read any more keeps a large write under way.
      if (isMute(data, client)) silent.add(client.pause())
      if (!silent.has(client)) up.write(data)
    })
    up.on('data', (data) => !silent.has(client) && client.write(data))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cutAll = () => {
    for (const client of links.keys()) cut(client)
  }
  atEnd(() => {
    cutAll()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    to: (url: string) => url.replace(`:${base.port}/`, `:${port}/`),
    mute: (which: typeof isMute) => {
      isMute = which
    },
    move: ({ port }: Database) => {
      target = port
    },
    cutAll,
    links,
    silent,
  }
}

for (const pool of ['1', '3']) {
  test(`all ${pool} that fall silent right after they were made are given up, and their places are free again`, async () => {
    const base = await database()
    const { to, mute, cutAll, silent } = await way(base)
    const tables = await openAt(to(base.url), { env: { DATABASE_POOL: pool } })
    const store = tables.store<Count>('counts', () => 4_000)
    const known = await store.update(`warm ${pool}`.replace(' ', '/'), add)
    mute((data) => data.includes('select '))
    cutAll()
    const asked = () => store.get(`warm/${pool}`)
    await Promise.allSettled(Array.from({ length: Number(pool) }, asked))
    assert.is(silent.size >= Number(pool), true)
    mute(() => false)
    assert.equal(await eventually('an answer', () => asked().catch(() => undefined)), known)
  })
}

test('of many at rest that fell silent one is waited for', async () => {
  const base = await database()
  const { to, mute, links } = await way(base)
  const store = (await openAt(to(base.url))).store<Count>('counts', () => 20_000)
  await Promise.all(Array.from({ length: 5 }, (_, at) => store.update(`rest/${at}`, add)))
  const resting = new Set(links.keys())
  assert.ok(resting.size >= 3, `${resting.size} links`)
  mute((_, client) => resting.has(client))
  const began = performance.now()
  assert.equal(await store.get('rest/0'), { n: 1 })
  assert.ok(performance.now() - began < 8_000)
})

test('over TLS the one that falls silent is given up, and those beside it go on', async () => {
  const base = await startPostgres()
  await encrypt(base)
  const { to, mute, links, silent } = await way(base)
  const tables = await openAt(`${to(base.url)}?sslmode=require`)
  const store = tables.store<Count>('counts', () => 20_000)
  await Promise.all(Array.from({ length: 5 }, (_, at) => store.update(`warm/${at}`, add)))
  const [row] = await base.query(
    "select count(*)::int as n from pg_stat_ssl join pg_stat_activity using (pid) where ssl and application_name = 'runtime'",
  )
  assert.ok(Number(row?.n) >= 1, JSON.stringify(row))
  const before = links.size
  mute((_, client) => silent.size === 0 || silent.has(client))
  // Large enough not to be taken by the kernel at once: a write is under way when the link is given up.
  const large = store.update('large', () => ({ n: 1, pad: 'x'.repeat(8_000_000) }))
  const beside = async (key: string) => {
    for (const end = Date.now() + 7_500; Date.now() < end; ) await store.update(key, add)
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(beside))
  assert.equal((await large).n, 1)
  assert.ok(links.size <= before + 2, `${links.size} links, ${before} before`)
  await base.stop()
})

for (const how of ['ended', 'killed', 'cut off'] as const) {
  test(`a session that is ${how} while it waits to make tables: another one makes them`, async () => {
    const base = how === 'killed' ? await startPostgres() : await database()
    const url = await base.another()
    const { to, mute, silent } = await way(base)
    const { default: postgres } = await import('postgres')
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    atEnd(() => sql.end({ timeout: 1 }))
    await sql`select pg_advisory_lock(7309453, 1)`
    const opened = openAt(to(url), { patienceMs: 60_000 })
    const waits = () =>
      sql`select pid from pg_stat_activity where application_name = 'runtime' and query like '%advisory%'`
    const [waiting] = await eventually('a session that waits', async () => {
      const rows = await waits()
      return rows.length > 0 ? rows : undefined
    })
    if (how === 'ended') await sql`select pg_terminate_backend(${waiting?.pid ?? 0})`
    if (how === 'cut off') mute((data) => silent.size === 0 && data.includes('advisory'))
    if (how === 'killed') {
      await base.kill('SIGKILL')
      await sleep(300)
      await base.start()
    } else {
      await sleep(how === 'ended' ? 500 : 1_000)
      await sql`select pg_advisory_unlock(7309453, 1)`
    }
    const store = (await opened).store<Count>('counts', () => 10_000)
    assert.equal(await store.update('made', add), { n: 1 })
    if (how === 'killed') await base.stop()
  })
}

test('a statement that makes tables and never comes back: the server lets go, and another session does it', async () => {
  const base = await database()
  const { to, mute, silent } = await way(base)
  mute((data) => silent.size === 0 && data.includes('create table if not exists "counts"'))
  const tables = await openAt(to(await base.another()), { patienceMs: 60_000 })
  assert.is(silent.size, 1)
  assert.equal(await tables.store<Count>('counts', () => 10_000).update('made', add), { n: 1 })
})

test('a server that takes no writes any more is left for the one that the address names then', async () => {
  const base = await database()
  const next = await startPostgres()
  const url = await base.another()
  const name = new URL(url).pathname.slice(1)
  await next.query(`create database ${name}`)
  await openAt(next.url.replace(/postgres$/, name))
  const { to, move, cutAll } = await way(base)
  const store = (await openAt(to(url))).store<Count>('counts', () => 5_000)
  await store.update('before', add)
  await base.query(`alter database ${name} set default_transaction_read_only = on`)
  cutAll()
  const early = store.update('after', add)
  await sleep(500)
  move(next)
  assert.equal(await early, { n: 1 })
  await next.stop()
})

test('a standby is waited for until it is promoted, as one that is away, and so it is by what runs', async () => {
  const base = await startPostgres()
  const url = await base.another()
  const asStandby = async () => {
    const [row] = await base.query("select current_setting('data_directory') as at")
    await base.kill()
    await writeFile(join(String(row?.at), 'standby.signal'), '')
    await base.start()
  }
  await asStandby()
  // On a busy machine it starts up for longer than it takes to ask.
  const refused = await openAt(url, { patienceMs: 5_000 }).catch((error) => error)
  assert.match(String(refused), 'a standby, which takes no writes')
  const opening = openAt(url, { patienceMs: 30_000 })
  await base.query('select pg_promote()')
  const store = (await opening).store<Count>('counts', () => 20_000)
  await store.update('promoted', add)
  await asStandby()
  const updated = store.update('promoted', add)
  await sleep(500)
  await base.query('select pg_promote()')
  assert.equal(await updated, { n: 2 })
  await base.stop()
})

/** A certificate of its own, as a server that asks for TLS has one. */
async function encrypt(base: Database): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')]
  const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
  await promisify(execFile)('openssl', ['req', ...made, '-keyout', key, '-out', certificate])
  const [row] = await base.query("select current_setting('data_directory') as at")
  const { uid, gid } = await stat(String(row?.at))
  for (const path of [folder, key, certificate]) await chown(path, uid, gid)
  await chmod(key, 0o600)
  await base.query(`alter system set ssl_cert_file = '${certificate}'`)
  await base.query(`alter system set ssl_key_file = '${key}'`)
  await base.query('alter system set ssl = on')
  await base.kill()
  await base.start()
}

test.run()
