import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { catalog } from '../../functions/inventory/_catalog'
import { Decision } from '../../functions/inventory/_contract'
import { isConfiguration } from '../../runtime/errors'
import { atEnd, suite } from '../support/suite'

const test = suite('the catalog')

const folder = mkdtempSync(join(tmpdir(), 'catalog-'))
atEnd(() => rmSync(folder, { recursive: true }))

function read(text: string) {
  process.env.CATALOG = join(folder, 'goods.json')
  writeFileSync(process.env.CATALOG, text)
  return catalog()
}

test('of the project holds a dozen goods, each a decision that the ledger may hold', () => {
  delete process.env.CATALOG
  const decisions = catalog()
  assert.is(decisions.length, 12)
  for (const decision of decisions) assert.ok(Decision.is(decision), decision.kind)
})

test('adjusts each shelf, at 1000 where no price is given', () => {
  const [beans, tea] = read('[{"sku":"beans","on_hand":3,"unit_price":5,"name":"Beans"},{"sku":"tea","on_hand":0}]')
  const { at } = beans as Extract<Decision, { kind: 'adjust' }>
  assert.equal(beans, { kind: 'adjust', sku: 'beans', on_hand: 3, unit_price: 5, name: 'Beans', at })
  assert.equal(tea, { kind: 'adjust', sku: 'tea', on_hand: 0, unit_price: 1_000, at })
})

test('may be empty', () => assert.equal(read('[]'), []))

const wrong: [name: string, text: string, says: RegExp][] = [
  ['is not JSON', '[\n beans\n]', /JSON/],
  ['is no list', '{"sku":"a","on_hand":1}', /goods\.json: # must be an array/],
  ['names no SKU', '[{"on_hand":1}]', /#\/0\/sku is required/],
  ['has a SKU with a space', '[{"sku":"a","on_hand":1},{"sku":"b c","on_hand":1}]', /#\/1\/sku must be a SKU/],
  ['counts below zero', '[{"sku":"a","on_hand":-1}]', /#\/0\/on_hand must be/],
  ['counts halves', '[{"sku":"a","on_hand":1.5}]', /#\/0\/on_hand must be an integer/],
  ['prices above the limit', '[{"sku":"a","on_hand":1,"unit_price":100000001}]', /#\/0\/unit_price must be/],
  ['has an empty name', '[{"sku":"a","on_hand":1,"name":""}]', /#\/0\/name must be/],
  ['has an unknown field', '[{"sku":"a","on_hand":1,"price":5}]', /#\/0\/price is not a field/],
  ['lists a SKU twice', '[{"sku":"a","on_hand":1},{"sku":"a","on_hand":2}]', /a stands twice/],
]

for (const [name, text, says] of wrong) {
  test(`that ${name} is an error of one line that names CATALOG, the file and the field`, () => {
    assert.throws(
      () => read(text),
      (error: Error) => {
        assert.match(error.message, /^CATALOG: /)
        assert.match(error.message, /goods\.json/)
        assert.match(error.message, says)
        return isConfiguration(error) && !error.message.includes('\n')
      },
    )
  })
}

test('that is not there is an error that names CATALOG and the file', () => {
  process.env.CATALOG = join(folder, 'nowhere.json')
  assert.throws(catalog, /^CATALOG: .*nowhere\.json: ENOENT/)
})

test.run()
