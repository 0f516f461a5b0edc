import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../tests/support/random'

/** What a customer and a courier want to become of an order. */
export const fates = [
  'delivered',
  'cancelled at once',
  'cancelled on its way',
  'raced',
  'failed at the door',
  'failed with the goods',
  'hot',
  'short',
  'dear',
  'unknown',
] as const
type Fate = (typeof fates)[number]

/** An order that was answered 201, and the final statuses that it may have. */
export interface Placed {
  order_id: string
  fate: Fate
  ends: string[]
  /** The status that it was last seen in. */
  status: string
}

/** What the customers count. */
export interface Tally {
  /** Every order that was answered 201, by its id. */
  placed: Map<string, Placed>
  requests: number
  /** Requests that were sent again, since their outcome was unknown. */
  retried: number
  /** What no retry can excuse: another order for the same key, a refusal of what is right, a request without an answer. */
  faults: string[]
  /** Messages that nobody can handle, by their number. */
  poison: number[]
}

export const newTally = (): Tally => ({ placed: new Map(), requests: 0, retried: 0, faults: [], poison: [] })

/** Of the hot goods there are fewer than are wanted. */
export const goods = { plenty: 'espresso-beans', few: 'espresso-machine', hot: 'moka-pot' }
const dearQty = 10_000

interface Options {
  /** Where to send the next request: gateways come and go. */
  url(): string | undefined
  tally: Tally
  random: Random
  /** How long an answer may take in all, retries included. */
  patienceMs: number
  stopped(): boolean
}

interface Answer {
  status: number
  body: Record<string, unknown>
  replayed: boolean
}

const againMs = 100
const lookMs = 150
const answerMs = 6_000

/** Customers and couriers who ask again until they are answered, with the same key, as the contract lets them. */
export function customers({ url, tally, random, patienceMs, stopped }: Options) {
  /** One answer that tells the outcome: anything but a 5xx. */
  const send = async (method: string, path: string, body?: object, key?: string): Promise<Answer | undefined> => {
    const deadline = Date.now() + patienceMs
    for (let tries = 1; !stopped(); tries++) {
      tally.requests++
      if (tries > 1) tally.retried++
      try {
        const answer = await fetch(`${url()}${path}`, {
          method,
          body: body && JSON.stringify(body),
          headers: key ? { 'Idempotency-Key': key } : {},
          signal: AbortSignal.timeout(answerMs),
        })
        const told = (await answer.json()) as Answer['body']
        if (answer.status < 500) {
          return { status: answer.status, body: told, replayed: answer.headers.has('idempotent-replayed') }
        }
      } catch {
        // Unknown is not failed: ask again.
      }
      if (Date.now() > deadline) {
        tally.faults.push(`${method} ${path}: no answer within ${patienceMs} ms`)
        return undefined
      }
      await sleep(againMs)
    }
    return undefined
  }

  const reaches = async (placed: Placed, wanted: string[]): Promise<boolean> => {
    const deadline = Date.now() + patienceMs
    while (!stopped()) {
      const answer = await send('GET', `/api/v1/orders/${placed.order_id}`)
      if (answer?.status !== 200) {
        if (answer) tally.faults.push(`${placed.order_id} was answered 201, and then ${answer.status}`)
        return false
      }
      placed.status = String(answer.body.status)
      if (wanted.includes(placed.status)) return true
      // Who waits for a courier of an order that has ended waits in vain.
      if (['delivered', 'cancelled'].includes(placed.status)) return false
      if (Date.now() > deadline) return false
      await sleep(lookMs)
    }
    return false
  }

  const report = (placed: Placed, status: string) =>
    send('POST', `/api/v1/deliveries/${placed.order_id}/status`, { status })
  const cancel = (placed: Placed) => send('POST', `/api/v1/orders/${placed.order_id}/cancel`, { reason: 'enough' })

  const deliver = async (placed: Placed, last: 'delivered' | 'failed' = 'delivered') => {
    if (!(await reaches(placed, ['assigned']))) return
    const left = await report(placed, 'picked_up')
    if (left?.status === 200) await report(placed, last)
  }

  const live: Record<Fate, (placed: Placed) => Promise<unknown>> = {
    delivered: deliver,
    'cancelled at once': cancel,
    async 'cancelled on its way'(placed) {
      await sleep(random.whole(0, 400))
      await cancel(placed)
    },
    async raced(placed) {
      if (!(await reaches(placed, ['assigned']))) return
      const [left] = await Promise.all([report(placed, 'picked_up'), cancel(placed)])
      if (left?.status === 200) await report(placed, 'delivered')
    },
    async 'failed at the door'(placed) {
      if (await reaches(placed, ['assigned'])) await report(placed, 'failed')
    },
    'failed with the goods': (placed) => deliver(placed, 'failed'),
    hot: deliver,
    async short() {},
    async dear() {},
    async unknown() {},
  }

  const request = (fate: Fate) => {
    const lines: Partial<Record<Fate, { sku: string; qty: number }[]>> = {
      hot: [{ sku: goods.hot, qty: random.whole(1, 2) }],
      short: [
        { sku: goods.plenty, qty: 1 },
        { sku: goods.few, qty: 10_000 },
      ],
      dear: [{ sku: goods.plenty, qty: dearQty }],
      unknown: [{ sku: 'no-such-thing', qty: 1 }],
    }
    const items = lines[fate] ?? [{ sku: goods.plenty, qty: random.whole(1, 3) }]
    return { user_id: `u-${random.whole(1, 50)}`, items, address: '1 Main Street', payment_method: 'card' }
  }

  return {
    send,

    /** Places one order, by its key, until it is answered, and brings it to its end. */
    async one(key: string, fate: Fate): Promise<void> {
      const body = request(fate)
      const create = () => send('POST', '/api/v1/orders', body, key)
      const created = await create()
      if (!created) return
      if (created.status !== 201) {
        tally.faults.push(`POST /orders ${key}: ${created.status} ${JSON.stringify(created.body)}`)
        return
      }
      const order_id = String(created.body.order_id)
      const known = tally.placed.get(order_id)
      if (known) tally.faults.push(`${order_id} is the order of two keys`)
      const placed: Placed = { order_id, fate, ends: endsOf[fate], status: 'created' }
      tally.placed.set(order_id, placed)
      if (random.chance(0.1)) {
        const [again, other] = [await create(), await send('POST', '/api/v1/orders', { ...body, address: '2' }, key)]
        if (again && again.body.order_id !== order_id)
          tally.faults.push(`${key}: ${order_id}, then ${again.body.order_id}`)
        if (other && other.status !== 422) tally.faults.push(`${key}: another body was answered ${other.status}`)
      }
      await live[fate](placed)
      await reaches(placed, ['delivered', 'cancelled'])
    },
  }
}

const endsOf: Record<Fate, string[]> = {
  delivered: ['delivered'],
  'cancelled at once': ['cancelled'],
  'cancelled on its way': ['cancelled'],
  raced: ['delivered', 'cancelled'],
  'failed at the door': ['cancelled'],
  'failed with the goods': ['cancelled'],
  hot: ['delivered', 'cancelled'],
  short: ['cancelled'],
  dear: ['cancelled'],
  unknown: ['cancelled'],
}
