import { type App, startApp } from './app'
import { type Broker, startBroker } from './broker'
import { httpClient, type Send } from './http_client'
import type { Answer } from './openapi'
import { eventually } from './wait'

interface Shop {
  broker: Broker
  app: App
  send: Send
  /** Places an order and returns its id. */
  order(changes?: object): Promise<string>
  /** Waits until the order has this status. */
  reaches(order: string, status: string): Promise<void>
}

/** The whole flow in one process on a broker of its own, asked over HTTP; couriers report by hand. */
export async function openShop(options?: Parameters<typeof startApp>[1]): Promise<Shop> {
  const broker = await startBroker()
  const app = await startApp(broker, options)
  return shopAt(broker, app)
}

export function shopAt(broker: Broker, app: App): Shop {
  const send = httpClient(app.url)
  return {
    broker,
    app,
    send,
    order: async (changes) => idOf(await send('POST', '/api/v1/orders', { body: newOrder(changes) })),
    reaches: async (order, wanted) => {
      await eventually(`the order ${order} to be ${wanted}`, async () => {
        const { body } = await send('GET', `/api/v1/orders/${order}`)
        return (body as { status: string }).status === wanted
      })
    },
  }
}

export const newOrder = (changes: object = {}) => ({
  user_id: 'u-1',
  items: [{ sku: 'espresso-beans', qty: 1 }],
  address: '1 Main Street',
  payment_method: 'card',
  ...changes,
})

export const idOf = ({ body }: Answer): string => (body as { order_id: string }).order_id
