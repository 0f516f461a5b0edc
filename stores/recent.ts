/** What was seen in the last moments, of a bounded weight: what came first goes first. */
export interface Recent<V> {
  get(key: string): V | undefined
  set(key: string, value: V, weight?: number): void
  delete(key: string): void
  clear(): void
}

const overhead = 500
const bytesEach = 8 * 1024 * 1024
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
      return entry.value
    },
    set(key, value, size = 0) {
      const weight = size + overhead
      if (weight > mostWeight) return remove(key)
      const at = performance.now()
      const known = entries.get(key)
      total += weight - (known?.weight ?? 0)
      // In its place: to take it out and put it in again makes tables of it, see members.ts.
      if (known) Object.assign(known, { value, weight, at })
      else entries.set(key, { value, weight, at })
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

/** One for each bucket; `clear` forgets all, as where the link broke. */
export function openRecents<V>() {
  const recents = new Map<string, Recent<V>>()
  return {
    of(bucket: string): Recent<V> {
      const recent = recents.get(bucket) ?? openRecent(bytesEach)
      recents.set(bucket, recent)
      return recent
    },
    clear() {
      for (const recent of recents.values()) recent.clear()
    },
  }
}
