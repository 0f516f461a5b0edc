import { readFileSync } from 'node:fs'
import { array, object } from 'superstruct'
import { check } from '../../runtime/contracts'
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
  try {
    const goods = check(Catalog, JSON.parse(readFileSync(path, 'utf8')))
    const twice = goods.find(({ sku }, index) => goods.findIndex((other) => other.sku === sku) !== index)
    if (twice) throw new Error(`${twice.sku} stands twice`)
    return goods
  } catch (error) {
    throw configuration(`CATALOG: ${path}: ${(error as Error).message.replaceAll('\n', ' ')}`)
  }
}
