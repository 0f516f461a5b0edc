import type { Store } from '../../runtime/types'

/** Buckets in memory, each value as JSON would keep it; `fail` makes the write with that number throw, once. */
export function memoryStores() {
  const records = new Map<string, string>()
  let writes = 0
  let failing = 0
  const store = <T>(bucket: string): Store<T> => {
    const read = (key: string) => {
      const text = records.get(`${bucket}/${key}`)
      return text === undefined ? undefined : (JSON.parse(text) as T)
    }
    return {
      get: async (key) => read(key),
      async update(key, change) {
        const known = read(key)
        const next = change(known)
        if (next === known) return next
        if (++writes === failing) throw new Error('the process died')
        records.set(`${bucket}/${key}`, JSON.stringify(next))
        return next
      },
    }
  }
  return {
    store,
    writes: () => writes,
    fail: (write: number) => {
      failing = write
    },
    /** Every record by its bucket and key, sorted. */
    dump: () => [...records].toSorted(([one], [other]) => (one < other ? -1 : 1)),
  }
}
