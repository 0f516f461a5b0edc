interface SentAcks {
  add(subject: string): void
  /** Called at each look at a consumer that answers: what is older than two of its turns is forgotten. */
  turn(): void
  /** All that is remembered, once. */
  take(): string[]
}

const looksATurn = 8

/**
 * Where acks of the last moments went: a leader that dies takes those with it that it has not told the others, and what
 * was acked to nobody would be out for its ack wait.
 */
export function openSentAcks(): SentAcks {
  let recent = new Lines()
  let before = new Lines()
  let looks = 0
  return {
    add: (subject) => recent.add(subject),
    turn() {
      if (++looks % looksATurn > 0) return
      ;[before, recent] = [recent, before]
      recent.clear()
    },
    take: () => [...before.take(), ...recent.take()],
  }
}

const leastBytes = 4_096
// Of a character in UTF-8; a pair of surrogates has four.
const mostBytesEach = 3

/** Outside V8's heap: as strings of their own they would live for seconds, and every young collection would copy them. */
class Lines {
  #bytes = Buffer.allocUnsafeSlow(leastBytes)
  #end = 0

  add(line: string): void {
    const needed = this.#end + line.length * mostBytesEach + 1
    if (needed > this.#bytes.length) this.#resize(needed * 2)
    this.#end += this.#bytes.write(`${line}\n`, this.#end)
  }

  take(): string[] {
    const lines = this.#end === 0 ? [] : this.#bytes.toString('utf8', 0, this.#end - 1).split('\n')
    this.clear()
    return lines
  }

  /** Keeps room for as many again. */
  clear(): void {
    const used = this.#end
    this.#end = 0
    if (used * 4 < this.#bytes.length && this.#bytes.length > leastBytes) this.#resize(Math.max(leastBytes, used * 2))
  }

  #resize(size: number): void {
    const bytes = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(bytes, 0, 0, this.#end)
    this.#bytes = bytes
  }
}
