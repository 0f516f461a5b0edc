import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../tests/support/random'

export interface Load {
  /** Requests that were answered, and those that were not as expected. */
  requests: number
  failed: string[]
  /** Every accepted order and what became of it. */
  orders: Map<string, string>
  /** Ends the placing of orders; resolves when each has come to its end. */
  stop(): Promise<void>
}

interface Options {
  url: string
  perSecond: number
  random: Random
}

const sku = 'espresso-beans'
const lookMs = 100
const patienceMs = 60_000

/** Places orders at a steady rate and brings each to its end, as customers and couriers do. */
export async function startLoad({ url, perSecond, random }: Options): Promise<Load> {
  const load: Load = { requests: 0, failed: [], orders: new Map(), stop }
  const running = new Set<Promise<void>>()

  const send = async (method: string, path: string, body: object | undefined, expected: number[]) => {
    load.requests++
    try {
      const answer = await fetch(`${url}${path}`, { method, body: body && JSON.stringify(body) })
      const text = await answer.text()
      if (expected.includes(answer.status)) return JSON.parse(text) as Record<string, string>
      load.failed.push(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`)
    } catch (error) {
      load.failed.push(`${method} ${path}: ${(error as Error).message} ${(error as Error).cause ?? ''}`)
    }
    return undefined
  }

  const reaches = async (order: string, wanted: string[]) => {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const found = await send('GET', `/api/v1/orders/${order}`, undefined, [200])
      if (found && wanted.includes(found.status as string)) return found.status as string
      if (Date.now() > deadline) {
        load.failed.push(`${order} is ${found?.status} after ${patienceMs} ms, not ${wanted}`)
        return 'stuck'
      }
      await sleep(lookMs)
    }
  }

  const one = async () => {
    const cancels = random.chance(0.2)
    const reads = random.chance(0.3)
    const body = { user_id: 'u-1', items: [{ sku, qty: 1 }], address: '1 Main Street', payment_method: 'card' }
    const created = await send('POST', '/api/v1/orders', body, [201])
    if (!created) return
    const order = created.order_id as string
    load.orders.set(order, 'accepted')
    if (reads) {
      await send('GET', `/api/v1/orders/${order}/history`, undefined, [200])
      await send('GET', `/api/v1/inventory/${sku}`, undefined, [200])
    }
    if (cancels) {
      if (!(await send('POST', `/api/v1/orders/${order}/cancel`, {}, [200]))) return void load.orders.delete(order)
      load.orders.set(order, await reaches(order, ['cancelled']))
      return
    }
    await reaches(order, ['assigned'])
    for (const status of ['picked_up', 'delivered']) {
      // What failed is counted already; nobody reports again, so the order would wait for ever.
      if (!(await send('POST', `/api/v1/deliveries/${order}/status`, { status }, [200])))
        return void load.orders.delete(order)
    }
    load.orders.set(order, await reaches(order, ['delivered']))
  }

  await send('PUT', `/api/v1/inventory/${sku}`, { on_hand: 1_000_000 }, [200])
  const placing = setInterval(() => {
    const work = one()
    running.add(work)
    work.finally(() => running.delete(work))
  }, 1_000 / perSecond)

  async function stop() {
    clearInterval(placing)
    await Promise.all(running)
  }
  return load
}
