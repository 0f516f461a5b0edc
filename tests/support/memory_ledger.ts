import type { Ledger, LedgerDefinition } from '../../runtime/types'

/** A ledger in memory, each value as JSON would keep it; `append` gets each decision as text before it is kept, and may throw. */
export function memoryLedger<D, V>({ fold }: LedgerDefinition<D, V>, append: (text: string) => void): Ledger<D, V> {
  const texts = new Map<string, string>()
  let seq = 0
  const get = (key: string) => {
    const text = texts.get(key)
    return text === undefined ? undefined : (JSON.parse(text) as V)
  }
  const table = { get, set: (key: string, value: V) => void texts.set(key, JSON.stringify(value)) }
  return {
    async decide(choose, read) {
      const decision = choose(table)
      if (decision !== undefined) {
        const text = JSON.stringify(decision)
        append(text)
        fold(table, JSON.parse(text) as D, ++seq)
      }
      return read(table)
    },
    read: async (read) => read(table),
  }
}
