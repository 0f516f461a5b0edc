import { electionMs } from '../connect/persist'
import { settled } from '../provision/progress'
import { away } from '../runtime/errors'
import type { Manifest } from '../runtime/manifest'
import type { JetStream } from '../runtime/nats/jetstream'
import type { Ledger, Table } from '../runtime/types'

/** The broker with no more patience than is left at each call: what is away is told before a handler's time is over. */
export function within(js: JetStream, leftMs: () => number): JetStream {
  const most = (budgetMs = electionMs) => Math.min(budgetMs, leftMs())
  return {
    api: (subject, body, budgetMs) => js.api(subject, body, most(budgetMs)),
    publish: (subject, data, options) =>
      js.publish(subject, data, Object.assign({}, options, { budgetMs: most(options.budgetMs) })),
    read: (stream, which, budgetMs) => js.read(stream, which, most(budgetMs)),
    readBody: (stream, subject, budgetMs) => js.readBody(stream, subject, most(budgetMs)),
  }
}

/**
 * The same for a ledger, whose appends carry the decisions of many: who has no time left hears so and decides nothing
 * any more, and the others go on. What was in an append under way may have been decided.
 */
export function ledgerWithin<D, V>(ledger: Ledger<D, V>, leftMs: () => number): Ledger<D, V> {
  const decide: Ledger<D, V>['decide'] = (choose, read) =>
    new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        reject(away('timeout', 'the ledger did not answer in time'))
      }, leftMs())
      const end =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          settle(value)
        }
      ledger.decide((table: Table<V>) => (late ? undefined : choose(table)), read).then(end(resolve), end(reject))
    })
  return { decide, read: (read) => decide(() => undefined, read) }
}

/** The same for what a stream function has still to handle. */
export async function settledWithin(js: JetStream, manifest: Manifest, { name, signal, left }: Awaited): Promise<void> {
  const late = AbortSignal.timeout(left())
  try {
    await settled(within(js, left), manifest, name, AbortSignal.any([signal, late]))
  } catch (error) {
    throw late.aborted ? away('timeout', `${name} has not handled in time what its stream held`) : error
  }
}

interface Awaited {
  name: string
  signal: AbortSignal
  left(): number
}
