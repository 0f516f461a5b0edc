import { openSentAcks } from '../../connect/acks'
import { Delivered, words } from '../../connect/delivered'
import type { Log } from '../types'
import type { Arrived, Connection } from './connection'

export interface Puller {
  /** Tells that a slot is free. */
  freed(): void
  /** Tells that it may pull now. */
  wake(): void
  /** Ends the intake, which takes what was asked for already: a message handed back would have burnt an attempt. */
  stop(): Promise<void>
}

interface PullOptions {
  stream: string
  consumer: string
  slots: number
  log: Log
  /** Called for each message; one slot is taken until `freed`. */
  take(delivered: Delivered): void
  /** Whether to pull at all, now. */
  may?(): boolean
  /** How long a stop may wait for what was asked for. */
  patienceMs?: number
  /** Called when the consumer or its stream is not there, or was moved; resolves with whether acks of before hold. */
  missing(): Promise<boolean>
}

/** Short, since a stop waits for the last pull to end. */
export const pullMs = 1_000
const lookMs = 1_000
/** After its time the broker serves a pull no more; this is for what is on its way. */
const lateMs = 250
const mostSilences = 2
const longestPullMs = 2_000

/**
 * Pulls exactly as many messages as there are free slots, so that none waits in this process for its turn. It is our
 * own because the client's `consume` prefetches, stalls for tens of seconds when a leader moves, and outlives `close`.
 */
export function openPull(connection: Connection, options: PullOptions): Puller {
  const { stream, consumer, slots, log, take, missing, patienceMs = longestPullMs, may } = options
  const acks = openSentAcks()
  let { inbox, subscription } = open()
  const pulls = new Map<string, { left: number; until: number }>()
  // A quarter keeps the pulls few; one at a time would idle between them.
  const fewest = slots > 8 ? slots / 4 : slots / 2
  let busy = 0
  let count = 0
  let stopped = false
  let scheduled = false
  let looking = false
  let lookAgain = false
  let paused = false
  let silences = 0
  let onEmpty: (() => void) | undefined

  const pull = () => {
    scheduled = false
    if (stopped || paused || !connection.connected() || may?.() === false) return
    const pending = [...pulls.values()].reduce((sum, { left }) => sum + left, 0)
    const free = slots - busy - pending
    if (free <= 0 || (pending > 0 && free < fewest)) return
    const id = (++count).toString(36)
    pulls.set(id, { left: free, until: Date.now() + pullMs + lateMs })
    const request = { batch: free, expires: pullMs * 1e6 }
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), {
      reply: `${inbox}.${id}`,
    })
  }

  const schedule = () => {
    if (scheduled || stopped) return
    scheduled = true
    setImmediate(pull)
  }

  /** Messages do not tell which pull they answer: charged to the oldest, what is thought to be open is never less than what is. */
  const served = () => {
    const [oldest] = pulls
    if (oldest && --oldest[1].left === 0) ended(oldest[0])
  }

  const ended = (id: string) => {
    pulls.delete(id)
    if (pulls.size === 0) onEmpty?.()
  }

  const onStatus = (status: number, arrived: Arrived) => {
    ended(arrived.subject.slice(inbox.length + 1))
    if (status !== 503 && status !== 409) return schedule()
    paused = true
    lookAfterConsumer()
  }

  /** No consumer, or one that moved: see that it is there before asking again. Of one that is silent, beside. */
  const lookAfterConsumer = () => {
    if (looking || stopped) return
    looking = true
    log[paused ? 'warn' : 'debug']({ stream, consumer }, 'a pull was not served; the consumer is looked for')
    missing()
      .then((acksHold) => {
        for (const subject of acks.take()) if (acksHold) connection.publish(subject, words.ack)
      })
      .catch((error) => log.error({ err: error, stream, consumer }, 'the consumer cannot be put back'))
      .finally(() => setTimeout(resume, lookMs))
  }

  const resume = () => {
    looking = false
    paused = false
    silences = 0
    if (lookAgain) lookAfterConsumer()
    lookAgain = false
    schedule()
  }

  /** An inbox of its own for each puller and link: the broker may still know the pulls of the last, and would serve both. */
  function open() {
    const inbox = `${connection.inbox}p${consumer}-${Math.random().toString(36).slice(2)}`
    const onArrived = (arrived: Arrived) => {
      silences = 0
      const status = arrived.reply ? 0 : arrived.status()
      if (status) return onStatus(status, arrived)
      served()
      busy++
      take(new Delivered(arrived, connection, acks.add))
      schedule()
    }
    const subscription = connection.subscribe(`${inbox}.*`, onArrived, { keeps: true })
    return { inbox, subscription }
  }

  /** An old server does not always tell of a pull that ends, and says nothing at all where there is no consumer. */
  const look = () => {
    const silent = [...pulls].filter(([, { until }]) => until < Date.now())
    for (const [id] of silent) ended(id)
    silences += silent.length
    if (silences >= mostSilences && connection.connected()) lookAfterConsumer()
    if (silences === 0 && !looking && connection.connected()) acks.turn()
    schedule()
  }
  // After what has arrived is read: a handler that kept the process busy is no silence.
  const watch = setInterval(() => setImmediate(look), lateMs)

  const unlisten = connection.onStatus((status) => {
    pulls.clear()
    onEmpty?.()
    if (status !== 'reconnected' || stopped) return
    void subscription.drain()
    ;({ inbox, subscription } = open())
    // What a look under way has seen may be of before the break.
    lookAgain = looking
    lookAfterConsumer()
    schedule()
  })
  schedule()

  return {
    wake: schedule,
    freed() {
      busy--
      schedule()
    },
    async stop() {
      stopped = true
      if (pulls.size > 0 && connection.connected()) {
        await new Promise<void>((resolve) => {
          onEmpty = resolve
          setTimeout(resolve, patienceMs)
        })
      }
      clearInterval(watch)
      unlisten()
      await subscription.drain()
    },
  }
}
