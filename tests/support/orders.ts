import * as assert from 'uvu/assert'
import type { App } from './app'
import { eventually } from './wait'

export interface History {
  events: { seq: number; type: string; at: string; data: Record<string, unknown> }[]
}

export interface OrderStatus {
  status: string
  reason?: string
  cancelled_by?: string
}

/** The HTTP face as a customer and an operator use it. */
export function customer({ url }: Pick<App, 'url'>) {
  const send = async (method: string, path: string, body?: object) => {
    const answer = await fetch(url + path, { method, body: body && JSON.stringify(body) })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const status = async (order: string) => (await send('GET', `/api/v1/orders/${order}`)).body as unknown as OrderStatus
  const history = async (order: string) =>
    (await send('GET', `/api/v1/orders/${order}/history`)).body as unknown as History

  return {
    send,
    status,
    history,

    /** Places an order and returns its id. */
    async order(items: Record<string, number> = { 'espresso-beans': 1 }): Promise<string> {
      const lines = Object.entries(items).map(([sku, qty]) => ({ sku, qty }))
      const order = { user_id: 'u-1', items: lines, address: '1 Main Street', payment_method: 'card' }
      const { status, body } = await send('POST', '/api/v1/orders', order)
      assert.is(status, 201, JSON.stringify(body))
      return body.order_id as string
    },

    report: (order: string, status: string) => send('POST', `/api/v1/deliveries/${order}/status`, { status }),
    cancel: (order: string, reason?: string) => send('POST', `/api/v1/orders/${order}/cancel`, { reason }),
    stock: async (sku: string) => (await send('GET', `/api/v1/inventory/${sku}`)).body,
    shelve: (sku: string, on_hand: number, unit_price = 1_000) =>
      send('PUT', `/api/v1/inventory/${sku}`, { on_hand, unit_price }),

    reaches: (order: string, wanted: string) =>
      eventually(`order ${order} to be ${wanted}`, async () => {
        const found = await status(order)
        return found.status === wanted ? found : undefined
      }),

    /** The types of the order's events, once all of `wanted` are there; sorted, since steps overlap. */
    async events(order: string, wanted: string[]): Promise<string[]> {
      const found = await eventually(`order ${order} to have ${wanted}`, async () => {
        const types = (await history(order)).events.map(({ type }) => type)
        return wanted.every((type) => types.includes(type)) ? types : undefined
      })
      return found.toSorted()
    },
  }
}
