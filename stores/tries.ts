import type { Gate } from '../runtime/modes/gate'
import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from './kv'

/** What is remembered of a message that did not end well at once. */
interface Record {
  /** How often its handler failed. */
  failed: number
  /** Runs that began and have no end, since their process had one. */
  begun: number
  /** When it was first handled, where it was older than it may become by then. */
  since?: number
}

/** One message in one making of its stream, for one consumer. */
export type MessageKey = string

/** The runtime's own bucket: written where something failed, and where a message has been delivered often. */
export interface Tries {
  /** Counts a failure; resolves with how many there are now. */
  failed(key: MessageKey): Promise<number>
  /** How many runs of it have not ended. */
  unended(key: MessageKey): Promise<number>
  /**
   * Notes a run before it begins, and its end with any outcome. Where an earlier one has no end, it may be this message
   * that killed the process, or one beside it: it runs alone, so that the next time tells.
   */
  run<T>(key: MessageKey, how: Suspects, work: (isAlone: boolean) => Promise<T>): Promise<T>
  /** Since when its age counts: what is known, else `otherwise`, which is known from then on. */
  since(key: MessageKey, otherwise: number): Promise<number>
  /** Ends what this process has begun, since it stops before the handlers do. */
  endAll(): Promise<void>
}

interface Suspects {
  gate: Gate
  /** Tries it again as long as it cannot be done. */
  untilDone<T>(work: () => Promise<T>): Promise<T>
}

const days = 24 * 3_600_000
const bucket = 'runtime_tries'

export const triesBucket = { name: `KV_${bucket}`, subjects: [`$KV.${bucket}.>`], bucket: true, maxAgeMs: 30 * days }

export const messageKey = (consumer: string, streamCreated: string, seq: number): MessageKey =>
  `${consumer}.${streamCreated.replace(/\W/g, '')}.${seq}`

export function openTries(js: JetStream): Tries {
  const records = kvStore<Record>(js, bucket)
  const begun = new Set<MessageKey>()
  const none: Record = { failed: 0, begun: 0 }

  const end = async (key: MessageKey) => {
    await records.update(key, (known) => (known?.begun ? { ...known, begun: 0 } : known))
    begun.delete(key)
  }

  const unended = async (key: MessageKey) => (await records.get(key))?.begun ?? 0

  return {
    failed: async (key) =>
      (await records.update(key, (known = none) => ({ ...known, failed: known.failed + 1 }))).failed,
    unended,
    async run(key, { gate, untilDone }, work) {
      const noted = async (isAlone: boolean) => {
        begun.add(key)
        await records.update(key, (known = none) => ({ ...known, begun: known.begun + 1 }))
        return work(isAlone)
      }
      const outcome = await untilDone(async () =>
        (await unended(key)) === 0 ? noted(false) : gate.alone(() => noted(true)),
      )
      await untilDone(() => end(key))
      return outcome
    },
    since: async (key, otherwise) =>
      (await records.update(key, (known = none) => (known.since ? known : { ...known, since: otherwise }))).since ??
      otherwise,
    async endAll() {
      await Promise.all([...begun].map(end))
    },
  }
}
