import * as assert from 'uvu/assert'
import { release, reserve, ship, stock } from '../../functions/inventory/_stock'
import { ledgerStreams } from '../../provision/needs'
import { ensureStreams } from '../../provision/streams'
import type { Table } from '../../runtime/types'
import { openLedger } from '../../stores/ledger'
import { startBroker } from '../support/broker'
import { connectJetStream } from '../support/jetstream'
import { canonical } from '../support/json'
import { seeded } from '../support/random'
import { suite } from '../support/suite'

const test = suite('the stock’s ledger on a broker')

const at = '2026-01-30T12:00:00.000Z'
const skus = ['green-tea', 'espresso-machine', 'cup-set']

test('a fresh fold of the stream is the live table, key by key, of each process that decides', async () => {
  const broker = await startBroker()
  const open = async () => openLedger(await connectJetStream(broker), 'stock', stock)
  await ensureStreams(await connectJetStream(broker), ledgerStreams('stock'))
  const [one, other] = [await open(), await open()]
  const orders = Array.from({ length: 120 }, (_, index) => `order-${index}`)

  const doing: Promise<unknown>[] = []
  seeded((random) => {
    for (let step = 0; step < 600; step++) {
      const order = { order_id: random.one(orders), user_id: 'u' }
      const items = [{ sku: random.one(skus), qty: random.whole(1, 3) }]
      const sku = random.one(skus)
      const decision = random.one([
        (table: Parameters<typeof reserve>[0]) => reserve(table, { ...order, items }, 'USD', at),
        (table: Parameters<typeof reserve>[0]) => release(table, order, at),
        (table: Parameters<typeof reserve>[0]) => ship(table, order, at),
        () => ({ kind: 'adjust' as const, sku, on_hand: 1_000 + step, unit_price: step, at }),
      ])
      doing.push(random.one([one, other]).decide(decision, () => undefined))
    }
  })
  await Promise.all(doing)

  const keys = [...skus.map((sku) => `sku:${sku}`), ...orders.map((order) => `order:${order}`)]
  const dump = (table: Table<unknown>) => keys.map((key) => `${key} ${canonical(table.get(key)) ?? 'nothing'}`)
  const fresh = await (await open()).read(dump)
  assert.ok(fresh.filter((line) => line.includes('shipped')).length > 10)
  assert.equal(await one.read(dump), fresh)
  assert.equal(await other.read(dump), fresh)
})

test.run()
