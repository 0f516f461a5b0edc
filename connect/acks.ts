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
  let recent: string[] = []
  let before: string[] = []
  let looks = 0
  return {
    add: (subject) => void recent.push(subject),
    turn() {
      if (++looks % looksATurn > 0) return
      before = recent
      recent = []
    },
    take() {
      const all = [...before, ...recent]
      before = []
      recent = []
      return all
    },
  }
}
