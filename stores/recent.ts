/** What was seen last, of a bounded weight: what was used longest ago goes first. */
export interface Recent<V> {
  get(key: string): V | undefined
  set(key: string, value: V, weight?: number): void
  delete(key: string): void
}

const overhead = 500

/** Of at most `mostWeight`, roughly in bytes; by default it keeps nothing. */
export function openRecent<V>(mostWeight = 0): Recent<V> {
  const entries = new Map<string, { value: V; weight: number }>()
  let total = 0

  const remove = (key: string) => {
    total -= entries.get(key)?.weight ?? 0
    entries.delete(key)
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set(key, value, size = 0) {
      remove(key)
      const weight = size + overhead
      if (weight > mostWeight) return
      entries.set(key, { value, weight })
      total += weight
      for (const oldest of entries.keys()) {
        if (total <= mostWeight) break
        remove(oldest)
      }
    },
    delete: remove,
  }
}
