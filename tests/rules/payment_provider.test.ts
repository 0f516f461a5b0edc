import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { httpProvider } from '../../functions/payment/_http_provider'
import { type PaymentProvider, provider } from '../../functions/payment/_provider'
import { type Bank, startBank } from '../support/bank'
import { type Fault, faults } from '../support/bank_ledger'
import { atEnd, suite } from '../support/suite'

const test = suite('a payment provider')

const limit = 5_000
const never = new AbortController().signal
const due = (key: string, amount = 4_200) => ({ key, amount, currency: 'EUR' })
const at = (url: string, timeoutMs = 5_000, token?: string) => httpProvider({ url, token, timeoutMs })

const providers: Record<string, () => Promise<PaymentProvider>> = {
  async 'the simulated card'() {
    process.env.PAYMENT_LIMIT = String(limit)
    return provider()
  },
  'a service over HTTP': async () => at((await startBank({ limit })).url),
}

for (const [name, open] of Object.entries(providers)) {
  test(`${name} declines what is above its limit, and answers the same again`, async () => {
    const { capture } = await open()
    for (const [amount, kind] of [
      [0, 'captured'],
      [limit, 'captured'],
      [limit + 1, 'declined'],
    ] as const) {
      const answer = await capture(due(`k-${amount}`, amount), never)
      assert.is(answer.kind, kind, String(amount))
      assert.equal(await capture(due(`k-${amount}`, amount), never), answer)
    }
  })

  test(`${name} voids what it never heard of, any number of times`, async () => {
    const provider = await open()
    assert.equal(await provider.void(due('k'), never), { kind: 'voided' })
    assert.equal(await provider.void(due('k'), never), { kind: 'voided' })
  })

  test(`${name} refunds what it captured, and says so again`, async () => {
    const { capture, refund } = await open()
    const answer = await capture(due('k'), never)
    assert.ok(answer.kind === 'captured')
    const given = { ...due('k'), payment_id: answer.payment_id }
    assert.is(await refund(given, never), undefined)
    assert.is(await refund(given, never), undefined)
  })
}

test('a key that was voided is never captured, and a void tells of a capture', async () => {
  const bank = await startBank()
  const provider = at(bank.url)
  await provider.void(due('voided'), never)
  assert.equal(await provider.capture(due('voided'), never), { kind: 'voided' })
  const captured = await provider.capture(due('captured'), never)
  assert.equal(await provider.void(due('captured'), never), captured)
  assert.is(bank.entries().voided?.captures, 0)
  assert.is(bank.entries().captured?.voided, false)
})

for (const way of Object.keys(faults) as Fault[]) {
  if (way === 'decline') continue
  for (const call of ['capture', 'void', 'refund'] as const) {
    test(`${call}, ${way}: nothing is known, and asked again it is done once`, async () => {
      const bank = await startBank()
      if (call === 'refund') await at(bank.url).capture(due('k'), never)
      bank.next(call, [way])
      const ask = (timeoutMs?: number) => at(bank.url, timeoutMs)[call]({ ...due('k'), payment_id: 'bank-k' }, never)
      await assertThrows(() => ask(200), `${call}: the payment service`)
      await ask()
      const { captures = 0, refunds = 0, voided } = bank.entries().k ?? {}
      assert.equal({ captures, refunds, voided }, done[call])
    })
  }
}

const done = {
  capture: { captures: 1, refunds: 0, voided: false },
  void: { captures: 0, refunds: 0, voided: true },
  refund: { captures: 1, refunds: 1, voided: false },
}

async function assertThrows(ask: () => Promise<unknown>, start: string): Promise<void> {
  const thrown = await ask().then(
    () => undefined,
    (error: Error) => error,
  )
  assert.ok(thrown?.message.startsWith(start), `${thrown}`)
}

const captured = { status: 'captured', payment_id: 'p-1' }

/** What a service, or a proxy before it, can say to a capture, and what that means. */
for (const [status, body, kind] of [
  [200, captured, 'captured'],
  [200, { ...captured, more: 1 }, 'captured'],
  [402, { status: 'declined', code: 'insufficient_funds' }, 'declined'],
  [410, { status: 'voided' }, 'voided'],
  [200, { status: 'captured' }, undefined],
  [200, { ...captured, payment_id: '' }, undefined],
  [200, { ...captured, payment_id: 'x'.repeat(129) }, undefined],
  [200, { status: 'declined' }, undefined],
  [200, { status: 'voided' }, undefined],
  [200, { status: 'refunded' }, undefined],
  [200, {}, undefined],
  [200, null, undefined],
  [201, captured, undefined],
  [402, captured, undefined],
  [402, {}, undefined],
  [410, {}, undefined],
  [302, captured, undefined],
  [401, { status: 'declined' }, undefined],
  [404, { status: 'voided' }, undefined],
  [409, { status: 'conflict' }, undefined],
  [429, {}, undefined],
  [500, captured, undefined],
] as const) {
  test(`${status} with ${JSON.stringify(body).slice(0, 60)} is ${kind ?? 'unknown'}`, async () => {
    const { url } = await answering(status, JSON.stringify(body))
    if (kind) assert.is((await at(url).capture(due('k'), never)).kind, kind)
    else await assertThrows(() => at(url).capture(due('k'), never), `capture: the payment service's answer`)
  })
}

/** A service that always says the same, and sends those who follow redirects to a place that must not be asked. */
async function answering(status: number, body: string) {
  const heard: { url?: string; authorization?: string }[] = []
  const server = createServer((request, response) => {
    heard.push({ url: request.url, authorization: request.headers.authorization })
    response.writeHead(status, { Location: '/elsewhere' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard }
}

test('a redirect is not followed', async () => {
  const { url, heard } = await answering(307, '{}')
  await assertThrows(() => at(url).capture(due('k'), never), 'capture: ')
  assert.equal(
    heard.map((one) => one.url),
    ['/payments/k'],
  )
})

test('the token is sent as a Bearer, and without one nothing is', async () => {
  const { url, heard } = await answering(200, JSON.stringify(captured))
  await at(url, 5_000, 'sk-1').capture(due('k'), never)
  await at(url).capture(due('a/b'), never)
  assert.equal(heard, [
    { url: '/payments/k', authorization: 'Bearer sk-1' },
    { url: '/payments/a%2Fb', authorization: undefined },
  ])
})

test('another amount under the same key is nothing that decides', async () => {
  const bank = await startBank()
  await at(bank.url).capture(due('k'), never)
  await assertThrows(() => at(bank.url).capture(due('k', 1), never), 'capture: ')
  assert.is(bank.entries().k?.conflicts, 1)
})

test('a call ends when its handler’s time is over', async () => {
  const bank: Bank = await startBank()
  bank.always('capture', 'hang')
  const over = new AbortController()
  const call = at(bank.url).capture(due('k'), over.signal)
  over.abort(new Error('the time is over'))
  await assertThrows(() => call, 'capture: the payment service gave no answer: the time is over')
})

test('a service that is not there gives no answer', async () => {
  const bank = await startBank()
  await bank.stop()
  await assertThrows(
    () => at(bank.url).capture(due('k'), never),
    'capture: the payment service gave no answer: connect',
  )
})

test.run()
