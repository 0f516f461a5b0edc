import * as assert from 'uvu/assert'
import {
  authIsOff,
  couriers,
  currency,
  paymentDeadlineMs,
  paymentLimit,
  paymentService,
  rpcTimeoutMs,
  simulatedLegMs,
} from '../../functions/_environment'
import { isConfiguration } from '../../runtime/errors'
import { suite } from '../support/suite'

const test = suite('the environment of the functions')

const variables: {
  name: string
  read: () => unknown
  otherwise: unknown
  right: Record<string, unknown>
  wrong: string[]
}[] = [
  {
    name: 'CURRENCY',
    read: currency,
    otherwise: 'USD',
    right: { EUR: 'EUR' },
    wrong: ['usd', 'US', 'USDT', 'US$', ' USD'],
  },
  {
    name: 'PAYMENT_LIMIT',
    read: paymentLimit,
    otherwise: 1_000_000,
    right: { 0: 0, 250: 250, 1000000000000000: 1e15 },
    wrong: ['-1', '1.5', '1e3', 'none', '0x10', ' 5', '1000000000000001', '1_000', 'Infinity'],
  },
  {
    name: 'PAYMENT_DEADLINE_MS',
    read: paymentDeadlineMs,
    otherwise: 900_000,
    right: { 1: 1, 2592000000: 2_592_000_000 },
    wrong: ['0', '15m', '2592000001'],
  },
  {
    name: 'PAYMENT_URL',
    read: () => paymentService()?.url,
    otherwise: undefined,
    right: {
      'http://127.0.0.1:9': 'http://127.0.0.1:9',
      'https://pay.test/v1/': 'https://pay.test/v1',
    },
    wrong: ['pay.test', 'ftp://pay.test', 'https://', 'https://me:secret@pay.test', 'https://pay.test/?v=1', 'off'],
  },
  {
    name: 'PAYMENT_TOKEN',
    read: () => withService().token,
    otherwise: undefined,
    right: { 'sk-1': 'sk-1' },
    wrong: ['two words', 'ключ'],
  },
  {
    name: 'PAYMENT_TIMEOUT_MS',
    read: () => withService().timeoutMs,
    otherwise: 5_000,
    right: { 1: 1, 20000: 20_000 },
    wrong: ['0', '5s', '20001'],
  },
  {
    name: 'COURIERS',
    read: couriers,
    otherwise: 50,
    right: { 0: 0, 1: 1, 1000000: 1e6 },
    wrong: ['-1', 'all', '1000001'],
  },
  {
    name: 'DELIVERY_SIMULATION_MS',
    read: simulatedLegMs,
    otherwise: undefined,
    right: { 0: 0, 3000: 3_000, 86400000: 86_400_000 },
    wrong: ['-1', '3s', '86400001'],
  },
  {
    name: 'RPC_TIMEOUT_MS',
    read: rpcTimeoutMs,
    otherwise: 2_000,
    right: { 1: 1, 600000: 600_000 },
    wrong: ['0', '2s', '600001'],
  },
  { name: 'AUTH', read: () => authIsOff(false), otherwise: false, right: { off: true }, wrong: ['on', 'OFF', 'none'] },
]

function withService() {
  process.env.PAYMENT_URL = 'http://127.0.0.1:9'
  const service = paymentService()
  assert.ok(service)
  return service
}

for (const { name, read, otherwise, right, wrong } of variables) {
  const given = (value: string) => {
    process.env[name] = value
    return read()
  }

  test(`${name} has a default, for an empty value too`, () => {
    delete process.env[name]
    assert.is(read(), otherwise)
    assert.is(given(''), otherwise)
  })

  test(`${name} takes ${Object.keys(right).join(', ')}`, () => {
    for (const [value, meaning] of Object.entries(right)) assert.is(given(value), meaning)
  })

  for (const value of wrong) {
    test(`${name}=${JSON.stringify(value)} is an error of one line that names the variable`, () => {
      assert.throws(
        () => given(value),
        (error: Error) =>
          isConfiguration(error) && error.message.startsWith(`${name}: `) && !error.message.includes('\n'),
      )
      delete process.env[name]
    })
  }
}

test('what is wrong with the payment service is told without its secrets', () => {
  for (const [name, value] of [
    ['PAYMENT_URL', 'https://me:secret@pay.test'],
    ['PAYMENT_TOKEN', 'a secret'],
  ] as const) {
    process.env[name] = value
    assert.throws(paymentService, (error: Error) => !error.message.includes('secret'))
    delete process.env[name]
  }
})

test('without AUTH the operators’ calls are open on a loopback address alone', () => {
  delete process.env.AUTH
  assert.is(authIsOff(true), true)
  assert.is(authIsOff(false), false)
})

test.run()
