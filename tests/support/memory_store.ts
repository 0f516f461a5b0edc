import type { Store } from '../../runtime/types'

/** Buckets in memory, each value as JSON would keep it; `fail` makes the write with that number throw, once. */
export function memoryStores() {
  const records = new Map<string, string>()
  let writes = 0
  let failing = 0
  /** Counts a write, and fails where it is the one that was to. */
  const write = () => {
    if (++writes === failing) throw new Error('the process died')
  }
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
        write()
        records.set(`${bucket}/${key}`, JSON.stringify(next))
        return next
      },
    }
  }
  return {
    store,
    write,
    writes: () => writes,
    fail: (write: number) => {
      failing = write
    },
    /** Every record by its bucket and key, sorted. */
    dump: () => [...records].toSorted(([one], [other]) => (one < other ? -1 : 1)),
  }
}
