import type { Decision } from '../../functions/inventory/_contract'
import { stock } from '../../functions/inventory/_stock'
import type { Table } from '../../runtime/types'
import { timeless } from './clock'

/**
 * All that is stored anywhere, by key: `orders/…`, `payments/…`, `deliveries/…`, the folded ledger under `stock/…`,
 * what the payment service knows under `provider/…`, and commands that were published under `sent/…`. Values are never
 * changed, so that worlds share them.
 */
export type World = ReadonlyMap<string, unknown>

export const withValue = (world: World, key: string, value: unknown): World => new Map(world).set(key, value)

/** Equal for worlds that differ in times alone. */
export const keyOf = (world: World): string =>
  [...world.keys()]
    .sort()
    .map((key) => `${key} ${timeless(world.get(key))}`)
    .join('\n')

export const valuesUnder = (world: World, prefix: string): [string, unknown][] =>
  [...world].filter(([key]) => key.startsWith(prefix))

type Value = ReturnType<Parameters<typeof stock.fold>[0]['get']>

/** The ledger's table as it is in the world; `drafted` is the world with what was set. */
export function tableOf(world: World): Table<NonNullable<Value>> & { drafted(): World } {
  let drafted = world
  return {
    get: (key) => drafted.get(`stock/${key}`) as Value,
    set(key, value) {
      drafted = withValue(drafted, `stock/${key}`, value)
    },
    drafted: () => drafted,
  }
}

/** The world after one more decision of the stock's ledger. */
export function decided(world: World, decision: Decision): World {
  const seq = ((world.get('stock/seq') as number | undefined) ?? 0) + 1
  const table = tableOf(world)
  stock.fold(table, decision, seq)
  return withValue(table.drafted(), 'stock/seq', seq)
}
