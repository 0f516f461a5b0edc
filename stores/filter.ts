const bitsPerKey = 24
const probes = 12

/** Two numbers of 32 bits from which all probes of a key follow. */
export type Hashed = readonly [number, number]

export function hashed(key: string): Hashed {
  let one = 0x811c9dc5
  let other = 0x9747b28c
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at)
    one = Math.imul(one ^ code, 0x01000193)
    other = Math.imul(other ^ code, 0x5bd1e995)
    other ^= other >>> 15
  }
  // An even step would meet half of the bits alone.
  return [one >>> 0, (other | 1) >>> 0]
}

/** A Bloom filter of the keys: it may say «maybe» of one that is none of them, once in some 100,000, and never «no» of one that is. */
export function filterOf(keys: readonly string[]): Uint8Array {
  const filter = new Uint8Array(Math.max(1, Math.ceil((keys.length * bitsPerKey) / 8)))
  const mark = (byte: number, bit: number) => {
    filter[byte] = (filter[byte] ?? 0) | bit
    return true
  }
  for (const key of keys) eachBit(filter, hashed(key), mark)
  return filter
}

export const mayHave = (filter: Uint8Array, key: Hashed): boolean =>
  eachBit(filter, key, (byte, bit) => ((filter[byte] ?? 0) & bit) !== 0)

/** False as soon as `visit` is. */
function eachBit(filter: Uint8Array, [one, other]: Hashed, visit: (byte: number, bit: number) => boolean) {
  const bits = filter.length * 8
  for (let probe = 0; probe < probes; probe++) {
    const at = (one + probe * other) % bits
    if (!visit(at >>> 3, 1 << (at & 7))) return false
  }
  return true
}
