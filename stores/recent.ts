/** What was seen in the last moments, of a bounded weight. */
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

/**
 * Of at most `mostWeight`, roughly in bytes; by default it keeps nothing. In two halves, of which the older goes whole: a `Map`
 * whose first entry is taken out again and again is walked through all that was taken out before.
 */
export function openRecent<V>(mostWeight = 0): Recent<V> {
  type Entry = { value: V; weight: number; at: number }
  let older = new Map<string, Entry>()
  let newer = new Map<string, Entry>()
  let weightOfNewer = 0
  let began = 0

  const turn = () => {
    older = newer
    newer = new Map()
    weightOfNewer = 0
  }

  const remove = (key: string) => {
    weightOfNewer -= newer.get(key)?.weight ?? 0
    newer.delete(key)
    older.delete(key)
  }

  return {
    get(key) {
      const entry = newer.get(key) ?? older.get(key)
      return entry && performance.now() - entry.at <= longestMs ? entry.value : undefined
    },
    set(key, value, size = 0) {
      const weight = size + overhead
      if (weight > mostWeight / 2) return remove(key)
      const at = performance.now()
      const added = () => weight - (newer.get(key)?.weight ?? 0)
      if (weightOfNewer + added() > mostWeight / 2 || at - began > longestMs) {
        turn()
        began = at
      }
      weightOfNewer += added()
      newer.set(key, { value, weight, at })
    },
    delete: remove,
    clear() {
      turn()
      turn()
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
