import * as assert from 'uvu/assert'
import { persist } from '../../connect/persist'
import { suite } from '../support/suite'

const test = suite('what a cluster says while it has no leader')

const refusal = (errCode: number) => Object.assign(new Error(`refused (${errCode})`), { errCode })

const words = { 10008: 'temporarily unavailable', 10118: 'the stream is offline', 10119: 'the consumer is offline' }

for (const [code, said] of Object.entries(words)) {
  test(`${said} (${code}) is waited for`, async () => {
    let tries = 0
    const found = await persist(5_000, async () => {
      if (++tries < 3) throw refusal(Number(code))
      return 'there'
    })
    assert.equal([found, tries], ['there', 3])
  })
}

test('any other refusal is told at once', async () => {
  let tries = 0
  const refused = persist(5_000, async () => {
    tries++
    throw refusal(10_060)
  })
  assert.match(await refused.catch((error) => error.message), 'refused (10060)')
  assert.is(tries, 1)
})

test.run()
