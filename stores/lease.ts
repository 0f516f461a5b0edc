import { randomUUID } from 'node:crypto'
import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from './kv'

export interface Lease {
  /** Whether this process is the one, now. */
  held(): boolean
  /** Gives it back, so that another need not wait. */
  end(): Promise<void>
}

interface Mark {
  holder: string
  beat: number
}

const beatMs = 2_000
// Those who wait look oftener, so that one who gives the lease back is followed at once.
const lookMs = 500
// Shorter than what the others wait, since their clocks and ours only agree on how long a second is.
const holdMs = 4_000
const waitMs = 6_000

interface Turns {
  /** Awaited at each taking, before it is held. */
  before(): Promise<void>
  /** Called when it is held. */
  after(): void
}

/** One holder among all processes on the broker: who does not beat is followed by another. */
export function openLease(js: JetStream, name: string, { before, after }: Turns): Lease {
  const store = kvStore<Mark>(js, 'runtime')
  const key = `lease.${name}`
  const self = randomUUID()
  let seen: Mark & { since: number } = { holder: '', beat: -1, since: 0 }
  let heldUntil = 0
  // Counts the takings, so that what was begun for an earlier one does not end as if it were for this.
  let taking = 0
  let ready = false
  let ended = false

  const isFree = (known: Mark | undefined) =>
    !known?.holder ||
    known.holder === self ||
    (known.holder === seen.holder && known.beat === seen.beat && Date.now() - seen.since > waitMs)

  const turn = async () => {
    const askedAt = Date.now()
    const now = await store.update(key, (known) =>
      isFree(known) ? { holder: self, beat: (known?.beat ?? 0) + 1 } : (known as Mark),
    )
    if (now.holder !== self) {
      ready = false
      taking++
      if (now.holder !== seen.holder || now.beat !== seen.beat) seen = { ...now, since: Date.now() }
      return
    }
    const fresh = Date.now() > heldUntil
    heldUntil = askedAt + holdMs
    if (fresh) prepare(++taking)
  }

  /** Beside the beats, which keep the lease meanwhile. */
  const prepare = async (mine: number) => {
    ready = false
    await before().catch(() => undefined)
    if (mine !== taking || ended) return
    ready = true
    after()
  }

  let turning = Promise.resolve()
  const beat = () => {
    // An error is as good as no beat: the hold runs out by itself.
    turning = turning.then(() => (ended ? undefined : turn())).catch(() => undefined)
  }
  const timer = setInterval(() => {
    if (Date.now() > heldUntil - holdMs + beatMs) beat()
  }, lookMs)
  beat()

  return {
    held: () => ready && Date.now() < heldUntil,
    async end() {
      ended = true
      clearInterval(timer)
      ready = false
      await turning
      await store
        .update(key, (known) => (known?.holder === self ? { holder: '', beat: known.beat + 1 } : known))
        .catch(() => undefined)
    },
  }
}
