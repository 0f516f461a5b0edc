import { setTimeout as sleep } from 'node:timers/promises'
import { goods, newTally, type Tally } from '../../bench/parts/customer'
import { atEnd } from '../../testing/ends'
import { newOrder } from './shop'

/** One POST that was answered 201, in milliseconds of the monotonic clock. */
export interface Acked {
  sentAt: number
  at: number
}

export interface Steady {
  tally: Tally
  acked: Acked[]
  /** Reads right after a 201, each from another gateway than the one that took the order. */
  reads: number
  /** Answers that say to try again. */
  refused: number
  /** Requests that had no answer at all in ten seconds. */
  hung: number
  /** Resolves once every order that was begun has its 201. */
  end(): Promise<void>
}

const answerMs = 10_000
const againMs = 50
const cancelOneOf = 5

/**
 * So many orders a second, each sent with its key until it is answered 201, then read from another gateway, and every
 * fifth cancelled. What is answered 201 and cannot be read is a fault.
 */
export function startSteady(urls: string[], { perSecond, prefix }: { perSecond: number; prefix: string }): Steady {
  const tally = newTally()
  const steady: Steady = { tally, acked: [], reads: 0, refused: 0, hung: 0, end }
  const open = new Set<Promise<void>>()
  let count = 0
  let over = false

  /** The answer, sent again as long as its outcome is unknown. */
  const send = async (turn: number, method: string, path: string, body?: object, key = '') => {
    for (let tries = 0; !over; tries++) {
      const sentAt = performance.now()
      tally.requests++
      if (tries > 0) tally.retried++
      try {
        const answer = await fetch(`${urls[(turn + tries) % urls.length]}${path}`, {
          method,
          body: body && JSON.stringify(body),
          headers: key ? { 'Idempotency-Key': key } : {},
          signal: AbortSignal.timeout(answerMs),
        })
        const told = (await answer.json()) as Record<string, unknown>
        if (answer.status < 500) return { status: answer.status, body: told, sentAt }
        steady.refused++
      } catch (error) {
        // Unknown is not failed: ask again.
        if ((error as Error).name === 'TimeoutError') steady.hung++
      }
      await sleep(againMs)
    }
    throw new Error('the test is over')
  }

  const place = async (n: number) => {
    const order = newOrder({ user_id: `u-${n % 50}`, items: [{ sku: goods.plenty, qty: 1 }] })
    const { status, body, sentAt } = await send(n, 'POST', '/api/v1/orders', order, `${prefix}-${n}`)
    if (status !== 201) return void tally.faults.push(`POST: ${status} ${JSON.stringify(body)}`)
    steady.acked.push({ sentAt, at: performance.now() })
    const order_id = String(body.order_id)
    const isCancelled = n % cancelOneOf === 0
    const fate = isCancelled ? 'cancelled at once' : 'delivered'
    tally.placed.set(order_id, { order_id, fate, ends: [isCancelled ? 'cancelled' : 'assigned'], status: 'created' })
    const read = await send(n + 1, 'GET', `/api/v1/orders/${order_id}`)
    steady.reads++
    if (read.status !== 200) tally.faults.push(`${order_id} was answered 201, and then ${read.status}`)
    if (!isCancelled) return
    const cancelled = await send(n, 'POST', `/api/v1/orders/${order_id}/cancel`, {})
    if (cancelled.status !== 200) tally.faults.push(`cancel: ${cancelled.status} ${JSON.stringify(cancelled.body)}`)
  }

  const timer = setInterval(() => {
    const placing = place(count++).finally(() => open.delete(placing))
    placing.catch(() => undefined)
    open.add(placing)
  }, 1_000 / perSecond)

  atEnd(() => {
    over = true
    clearInterval(timer)
  })
  async function end() {
    clearInterval(timer)
    await Promise.all(open)
  }

  return steady
}

/** Milliseconds from a blow until an order that was sent after it was acked; undefined where none was. */
export const backAfter = ({ acked }: Steady, blowAt: number): number | undefined => {
  const [first] = acked.filter(({ sentAt }) => sentAt >= blowAt).toSorted((one, other) => one.at - other.at)
  return first && first.at - blowAt
}

/** The longest time between two 201 within a span. */
export function longestSilence({ acked }: Steady, from: number, to: number): number {
  const times = [from, ...acked.map(({ at }) => at).filter((at) => at > from && at < to), to]
  times.sort((one, other) => one - other)
  return Math.max(...times.slice(1).map((at, index) => at - (times[index] as number)))
}
