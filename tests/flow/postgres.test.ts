import * as assert from 'uvu/assert'
import { outage } from '../../bench/outage/outage'
import { type App, startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { customer } from '../support/orders'
import { type Database, postgresSuite, startPostgres } from '../support/postgres'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const { test, database } = postgresSuite('orders and payments in PostgreSQL')

test('a row of each order says what became of it, and one of each payment what was paid', async () => {
  const { url, query } = await database()
  const broker = await startBroker()
  const app = await startApp(broker, { env: { DATABASE_URL: url } })
  const ids = await fates(app)
  assert.equal(await rowsOf(query), expectedOf(ids))
  const [row] = await query(
    `select o.user_id, o.currency, o.created_at <= o.updated_at as sorted, o.cancelled_by, o.cancel_reason, o.revision > 1
       as written, p.user_id as payer, p.payment_id is not null as known, p.captured_at <= p.refunded_at as refunded
     from orders o join payments p using (order_id) where order_id = $1`,
    [ids.refunded],
  )
  assert.equal(row, {
    user_id: 'u-1',
    currency: 'USD',
    sorted: true,
    cancelled_by: 'customer',
    cancel_reason: 'enough',
    written: true,
    payer: 'u-1',
    known: true,
    refunded: true,
  })
  // What has a table has no bucket.
  const { nc } = await openWire(broker)
  const streams = await (await nc.jetstreamManager()).streams.names().next()
  assert.equal(
    streams.filter((name) => /KV_(orders|payments)$/.test(name)),
    [],
  )
  assert.is(await app.end(), 0)
})

test('what began in key-value buckets is moved by a replay, and goes on', async () => {
  const broker = await startBroker()
  const { url, query } = await openAnother(await database())
  const app = await startApp(broker)
  const ids = await fates(app)
  const open = await customer(app).order()
  await customer(app).reaches(open, 'assigned')
  assert.is(await app.end(), 0)

  const env = { DATABASE_URL: url }
  const early = await runTool(broker, ['--only', 'order'], env)
  assert.is(early.exitCode, 2)
  assert.match(
    early.stderr,
    /^DATABASE_URL: orders: kept in JetStream so far, and looked for in PostgreSQL now; .*--moved that they are$/,
  )
  for (const name of ['order/track', 'payment/track']) {
    const { exitCode, stdout, stderr } = await runTool(broker, ['replay', name], env)
    assert.equal({ exitCode, stderr }, { exitCode: 0, stderr: '' })
    assert.match(stdout, / handled, 0 refused, 0 failed$/)
  }
  const moved = { ...expectedOf(ids), [open]: ['assigned', 1_890, 'captured', 1_890] }
  assert.equal(await rowsOf(query), moved)

  const told = await runTool(broker, ['provision', '--moved'], env)
  assert.is(told.exitCode, 0)
  assert.match(told.stdout, 'orders: kept in PostgreSQL from now on, in JetStream before')
  const forgetful = await runTool(broker, ['--only', 'payment'])
  assert.is(forgetful.exitCode, 2)
  assert.match(forgetful.stderr, 'payments: kept in PostgreSQL so far')
  const again = await startApp(broker, { env })
  const { report, reaches, order, send } = customer(again)
  assert.is((await report(open, 'picked_up')).status, 200)
  await report(open, 'delivered')
  await reaches(open, 'delivered')
  const next = await order()
  await reaches(next, 'assigned')
  const { body } = await send('GET', '/api/v1/orders?user_id=u-1')
  assert.equal((body.orders as { order_id: string }[]).map(({ order_id }) => order_id).slice(0, 2), [next, open])
  assert.is((await send('GET', '/api/v1/audit/books')).body.balanced, true)
  assert.is(await again.end(), 0)
})

test('nothing but --moved says that records have been moved, and only to a database that is there', async () => {
  const broker = await startBroker()
  const base = await database()
  const env = { DATABASE_URL: await base.another() }
  const nowhere = { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }
  assert.is((await runTool(broker, ['provision'], env)).exitCode, 0)
  const updated = await runTool(broker, ['provision', '--update'])
  assert.is(updated.exitCode, 2)
  assert.match(updated.stderr, 'DATABASE_URL: orders: kept in PostgreSQL so far, and looked for in JetStream now')
  const unreached = await runTool(broker, ['provision', '--moved'], nowhere)
  assert.is(unreached.exitCode, 2)
  assert.match(unreached.stderr, /^DATABASE_URL: u@127\.0\.0\.1:1\/x: .*ECONNREFUSED/)
  assert.match(unreached.stdout, /^u@127\.0\.0\.1:1\/x: PostgreSQL is away: PostgreSQL: .*ECONNREFUSED/)
  assert.is(await (await startApp(broker, { env })).end(), 0)
})

test('another database, or an empty one in its place, is refused until it is said to have followed', async () => {
  const broker = await startBroker()
  const base = await database()
  const [first, second] = [{ DATABASE_URL: await base.another() }, { DATABASE_URL: await base.another() }]
  assert.is((await runTool(broker, ['provision'], first)).exitCode, 0)
  const refused = await runTool(broker, ['--only', 'order'], second)
  assert.is(refused.exitCode, 2)
  assert.match(refused.stderr, /^DATABASE_URL: orders: kept in another database so far; .*provision --moved/)
  assert.is((await runTool(broker, ['provision'], second)).exitCode, 2)
  const { exitCode, stdout } = await runTool(broker, ['provision', '--moved'], second)
  assert.is(exitCode, 0)
  assert.match(stdout, 'payments: kept in PostgreSQL from now on, in another database before')
  assert.is((await runTool(broker, ['--only', 'payment'], first)).exitCode, 2)
  assert.is(await (await startApp(broker, { env: second })).end(), 0)
})

test('an outage under load loses nothing, doubles nothing and buries nothing', async () => {
  const [broker, base] = [await startBroker(), await startPostgres()]
  const seed = Number(process.env.SEED ?? Date.now() % 100_000)
  const say = () => undefined
  const report = await outage({ broker, database: base, seed, seconds: 8, aroundSeconds: 3, atOnce: 12, say })
  const { verdict, tally, placed, rows } = report
  const nothing = { lost: [], doubled: [], stuck: [], oversold: [], unbalanced: [], buried: [], rows: [], faults: [] }
  assert.equal({ ...verdict, rows, faults: tally.faults }, nothing, `SEED=${seed}`)
  assert.ok(placed.before > 0 && placed.after > 0, JSON.stringify(placed))
  await base.stop()
})

async function openAnother(base: Database): Promise<{ url: string; query: Database['query'] }> {
  const url = await base.another()
  const { default: postgres } = await import('postgres')
  const query: Database['query'] = async (text, values = []) => {
    const sql = postgres(url, { max: 1 })
    return [...(await sql.unsafe(text, values).finally(() => sql.end()))]
  }
  return { url, query }
}

/** An order of each fate, by its name, once all is done. */
async function fates(app: App) {
  const { order, reaches, report, cancel, shelve, events } = customer(app)
  await shelve('dear', 10, 1_000_001)
  const [delivered, refunded, declined, sold] = [
    await order(),
    await order(),
    await order({ dear: 1 }),
    await order({ none: 1 }),
  ]
  for (const id of [delivered, refunded]) await reaches(id, 'assigned')
  await report(delivered, 'picked_up')
  await report(delivered, 'delivered')
  await cancel(refunded, 'enough')
  await events(delivered, ['delivery_completed'])
  await reaches(delivered, 'delivered')
  await events(refunded, ['payment_refunded', 'inventory_released'])
  await events(declined, ['order_cancelled', 'inventory_released'])
  await events(sold, ['order_cancelled'])
  return { delivered, refunded, declined, sold }
}

const expectedOf = ({ delivered, refunded, declined, sold }: Awaited<ReturnType<typeof fates>>) => ({
  [delivered]: ['delivered', 1_890, 'captured', 1_890],
  [refunded]: ['cancelled', 1_890, 'refunded', 1_890],
  [declined]: ['cancelled', 1_000_001, 'declined', 1_000_001],
  [sold]: ['cancelled', null, 'cancelled', null],
})

async function rowsOf(query: Database['query']) {
  const select = `select order_id, o.status, o.amount::int, p.status as paid, p.amount::int as due
    from orders o left join payments p using (order_id)`
  return eventually('every payment to be noted', async () => {
    const rows = await query(select)
    if (rows.some(({ paid }) => paid === null)) return undefined
    return Object.fromEntries(
      rows.map(({ order_id, status, amount, paid, due }) => [order_id, [status, amount, paid, due]]),
    )
  })
}

test.run()
