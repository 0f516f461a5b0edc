import { readFileSync } from 'node:fs'
import { array, object } from 'superstruct'
import { configuration } from '../../runtime/errors'
import { now, Sku } from '../_fields'
import { type Decision, Shelf } from './_contract'

const Catalog = array(object({ sku: Sku, ...Shelf.schema }))
const defaultPrice = 1_000

/** What the shelves begin with, from the file that `CATALOG` names. */
export function catalog(): Decision[] {
  const at = now()
  return read(process.env.CATALOG || 'catalog.json').map(({ unit_price = defaultPrice, ...goods }) => ({
    kind: 'adjust',
    unit_price,
    ...goods,
    at,
  }))
}

function read(path: string) {
  let goods: unknown
  try {
    goods = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw configuration(`CATALOG: cannot read ${path}: ${(error as Error).message}`)
  }
  const [failure, valid] = Catalog.validate(goods)
  if (failure) throw configuration(`CATALOG: ${path}: at ${failure.path.join('/') || 'the top'}: ${failure.message}`)
  const twice = valid.find(({ sku }, index) => valid.findIndex((other) => other.sku === sku) !== index)
  if (twice) throw configuration(`CATALOG: ${path}: ${twice.sku} stands twice`)
  return valid
}
