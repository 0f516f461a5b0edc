import { randomUUID } from 'node:crypto'
import type { Connection } from '../runtime/nats/connection'
import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from './kv'

export interface Lease {
  /** Whether this process is the one and may go on, now. */
  held(): boolean
  /** Whether no other process can be the one, now. */
  kept(): boolean
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
  /** Awaited at each taking, and after the link broke (`brokeAt`, in milliseconds since 1970), before it is held. */
  before(brokeAt: number): Promise<void>
  /** Called when it is held. */
  after(): void
}

/** One holder among all processes on the broker: who does not beat is followed by another. */
export function openLease(connection: Connection, js: JetStream, name: string, { before, after }: Turns): Lease {
  const store = kvStore<Mark>(js, 'runtime')
  const key = `lease.${name}`
  const self = randomUUID()
  let seen: Mark & { since: number } = { holder: '', beat: -1, since: 0 }
  let heldUntil = 0
  // Counts the takings, so that what was begun for an earlier one does not end as if it were for this.
  let taking = 0
  let ready = false
  let ended = false
  let broken = false
  let brokeAt = 0

  // What was sent into the broken link is lost here and still out at the broker, which would hand on what comes after.
  const unlisten = connection.onStatus((status) => {
    if (status !== 'disconnected') return
    broken = true
    brokeAt = Date.now()
    ready = false
    taking++
  })

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
    const fresh = broken || Date.now() > heldUntil
    broken = !connection.connected()
    heldUntil = askedAt + holdMs
    if (fresh) prepare(++taking)
  }

  /** Beside the beats, which keep the lease meanwhile. */
  const prepare = async (mine: number) => {
    ready = false
    await before(brokeAt).catch(() => undefined)
    if (mine !== taking || ended) return
    ready = true
    after()
  }

  let turning: Promise<void> | undefined
  const beat = () => {
    // An error is as good as no beat: the hold runs out by itself.
    turning ??= turn()
      .catch(() => undefined)
      .finally(() => {
        turning = undefined
      })
  }
  const timer = setInterval(() => {
    if (broken || Date.now() > heldUntil - holdMs + beatMs) beat()
  }, lookMs)
  beat()

  return {
    held: () => ready && Date.now() < heldUntil,
    kept: () => Date.now() < heldUntil,
    async end() {
      ended = true
      clearInterval(timer)
      unlisten()
      ready = false
      await turning
      await store
        .update(key, (known) => (known?.holder === self ? { holder: '', beat: known.beat + 1 } : known))
        .catch(() => undefined)
    },
  }
}
