import * as assert from 'uvu/assert'
import type { Fault } from '../support/bank_ledger'
import type { OrderStatus } from '../support/orders'
import { openPayingShop } from '../support/paying'
import { random } from '../support/random'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('payments at a bank that goes wrong by chance')

const shares: Partial<Record<Fault, number>> = {
  hang: 0.03,
  late: 0.03,
  silent: 0.03,
  lost: 0.03,
  fail: 0.03,
  stumble: 0.03,
  garbled: 0.03,
  decline: 0.03,
}

test('every order ends paid, or cancelled with nothing kept, and the events say what the bank did', async () => {
  const choices = random()
  console.log(`SEED=${choices.seed}`)
  const shop = await openPayingShop({ PAYMENT_DEADLINE_MS: '1500' }, [], { seed: choices.seed, faults: shares })
  const { bank, order, cancel, status, toldOf, deadLetters } = shop
  const ids = await Promise.all(Array.from({ length: 16 }, () => order()))
  await Promise.all(ids.filter(() => choices.chance(0.4)).map((id) => cancel(id)))

  for (const id of ids) {
    const agreed = async () => agrees(await status(id), await toldOf(id), id)
    await eventually(`order ${id} and the bank to agree`, agreed, 60_000).catch(async (error) => {
      console.log(bank.entries()[id], await status(id), Object.keys(await toldOf(id)))
      throw error
    })
    const told = await toldOf(id)
    assert.not.ok(told.payment_captured && told.payment_declined, id)
  }
  assert.ok(Object.values(bank.entries()).every(({ conflicts }) => conflicts === 0))
  assert.equal(await deadLetters(), [])

  function agrees(order: OrderStatus, told: Awaited<ReturnType<typeof toldOf>>, id: string): boolean {
    const entry = bank.entries()[id]
    const { captures = 0, refunds = 0, declined, voided } = entry ?? {}
    if (told.payment_captured?.length !== (captures || undefined)) return false
    if (told.payment_refunded?.length !== (refunds || undefined)) return false
    if (order.status === 'assigned') return captures === 1 && refunds === 0
    const nothingKept = !entry || declined || voided || (captures === 1 && refunds === 1)
    return order.status === 'cancelled' && nothingKept === true
  }
})

test.run()
