import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { type Broker, startBroker } from '../support/broker'
import { nodeRuntime } from '../support/node_runtime'
import { type Database, postgresSuite, startPostgres } from '../support/postgres'
import { atEnd } from '../support/suite'
import { runTool } from '../support/tool'

const { test, database } = postgresSuite('a database that cannot be used')

let shared: Promise<Broker> | undefined
const broker = () => {
  shared ??= startBroker().then(async (started) => {
    await runTool(started, ['provision'], { DATABASE_URL: await (await database()).another() })
    return started
  })
  return shared
}

/** One line that names the variable, and nothing that should stay secret. */
async function refusal(url: string, more: Record<string, string> = {}): Promise<string> {
  const env = { NATS_URL: (await broker()).url, DATABASE_URL: url, ...more }
  const { exitCode, stderr, stdout } = await nodeRuntime(['--only', 'order'], env)
  assert.is(exitCode, 2, stderr + stdout)
  assert.match(stderr, /^DATABASE_(URL|POOL): .+$/)
  assert.not.match(stderr + stdout, 'secret')
  return stderr
}

for (const url of [
  'nonsense-secret',
  'mysql://u:secret@127.0.0.1/x',
  'postgres://u:secret@127.0.0.1:54320',
  'postgres:///x',
  'postgres://u:100%-secret@127.0.0.1/x',
  'postgres://user:54/secret@127.0.0.1:5432/db',
  'postgres://user:54/secret/x',
]) {
  test(`${url.replace('secret', '…')} is no address`, async () => {
    assert.match(await refusal(url), 'DATABASE_URL: not an address of a database')
  })
}

test('a pool of none', async () => {
  assert.match(await refusal((await database()).url, { DATABASE_POOL: '0' }), 'a whole number from 1 to')
})

test('a wrong password', async () => {
  const { url } = await database()
  assert.match(await refusal(url.replace(':a-secret@', ':other-secret@')), 'password authentication failed')
})

test('a database that is not there', async () => {
  const { url } = await database()
  assert.match(await refusal(url.replace(/postgres$/, 'nowhere')), 'database "nowhere" does not exist')
})

/** A role that may connect, and nothing else, to a database where the tables are made already if told so. */
async function visitor({ query, another }: Database, name: string, made: boolean): Promise<string> {
  const url = await another()
  await query(`create role ${name} login password 'a-secret'`)
  if (made) await runTool(await broker(), ['replay', 'order/track'], { DATABASE_URL: url })
  return url.replace('//owner:', `//${name}:`)
}

test('no right to make tables', async () => {
  assert.match(await refusal(await visitor(await database(), 'maker', false)), 'permission denied for schema public')
})

test('with --bind-only what is missing is told, and provision makes it', async () => {
  const own = await startBroker()
  const env = { NATS_URL: own.url, DATABASE_URL: await (await database()).another() }
  const args = ['--only', 'order', '--bind-only']
  const { exitCode, stderr } = await nodeRuntime(args, env)
  assert.is(exitCode, 2)
  assert.match(
    stderr,
    /^DATABASE_URL: owner@\S+ lacks runtime_time, runtime_database, orders, orders\.user_id, .*node runtime provision$/,
  )
  assert.is((await runTool(own, ['provision'], env)).exitCode, 0)
  assert.is(await (await startApp(own, { args, env })).end(), 0)
})

test('no right to read what is noted, or to write', async () => {
  const base = await database()
  const url = await visitor(base, 'reader', true)
  assert.match(await refusal(url), 'permission denied for table runtime_migrations')
  const { default: postgres } = await import('postgres')
  const sql = postgres(url.replace('//reader:', '//owner:'), { max: 1 })
  atEnd(() => sql.end())
  await sql`grant select on runtime_migrations, orders to reader`
  assert.match(await refusal(url), 'reader@127.0.0.1:')
  assert.match(await refusal(url), 'has no right to insert in orders')
  await sql`grant insert, update on orders to reader`
  assert.match(await refusal(url), 'permission denied for table runtime_database')
  await sql`grant select on runtime_database to reader`
  // What may read and write alone is enough, once the tables are there.
  const { exitCode, stderr } = await runTool(await broker(), ['replay', 'order/track'], { DATABASE_URL: url })
  assert.equal({ exitCode, stderr }, { exitCode: 0, stderr: '' })
})

test('one that is not there yet is waited for, and a signal ends the wait', async () => {
  const base = await startPostgres()
  await base.kill()
  const env = { PATH: process.env.PATH, NATS_URL: (await startBroker()).url, DATABASE_URL: base.url }
  const start = () => execa('node', ['runtime', '--only', 'order'], { reject: false, extendEnv: false, env })
  const [one, other] = [start(), start()]
  atEnd(() => one.kill('SIGKILL'))
  const says = (child: typeof one, text: string) =>
    new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk) => String(chunk).includes(text) && resolve())
      child.then(({ exitCode, stderr }) => reject(new Error(`it ended with ${exitCode}: ${stderr}`)))
    })
  const running = says(one, '"running"')
  await Promise.all([one, other].map((child) => says(child, 'PostgreSQL is away')))
  other.kill('SIGTERM')
  const { exitCode, stdout } = await other
  assert.is(exitCode, 0)
  assert.not.match(stdout, 'a-secret')
  await base.start()
  await running
  one.kill('SIGTERM')
  assert.is((await one).exitCode, 0)
  await base.stop()
})

test('a command waits for some seconds', async () => {
  const { exitCode, stderr } = await runTool(await broker(), ['replay', 'order/track'], {
    DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x',
  })
  assert.is(exitCode, 2)
  assert.match(stderr, /^DATABASE_URL: u@127\.0\.0\.1:1\/x: .*ECONNREFUSED/)
})

test.run()
