/** What was seen in the last moments, of a bounded weight: what was used longest ago goes first. */
export interface Recent<V> {
  get(key: string): V | undefined
  set(key: string, value: V, weight?: number): void
  delete(key: string): void
  clear(): void
}

const overhead = 500
// A bucket that is deleted and made anew counts from one again: what was seen in the old one must not meet its number there.
const longestMs = 3_000

/** Of at most `mostWeight`, roughly in bytes; by default it keeps nothing. */
export function openRecent<V>(mostWeight = 0): Recent<V> {
  const entries = new Map<string, { value: V; weight: number; at: number }>()
  let total = 0

  const remove = (key: string) => {
    total -= entries.get(key)?.weight ?? 0
    entries.delete(key)
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (!entry) return undefined
      if (performance.now() - entry.at > longestMs) {
        remove(key)
        return undefined
      }
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set(key, value, size = 0) {
      remove(key)
      const weight = size + overhead
      if (weight > mostWeight) return
      entries.set(key, { value, weight, at: performance.now() })
      total += weight
      for (const oldest of entries.keys()) {
        if (total <= mostWeight) break
        remove(oldest)
      }
    },
    delete: remove,
    clear() {
      entries.clear()
      total = 0
    },
  }
}
