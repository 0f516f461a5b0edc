import type { Config, Handler } from '../_contracts'

export const config = {
  mode: 'http',
  queue: 'gateway',
  requests: [
    'rpc.create_order',
    'rpc.get_order_status',
    'rpc.list_orders',
    'rpc.cancel_order',
    'rpc.get_order_history',
    'rpc.check_books',
    'rpc.explain_order',
    'rpc.check_inventory',
    'rpc.set_inventory',
    'rpc.update_delivery',
  ],
  maxBodyBytes: 64 * 1024,
  // Its handlers wait for those whom they ask, and health must be told beside as many that wait.
  concurrency: 1_024,
  example:
    'curl -s {url}/api/v1/orders -d \'{"user_id":"u-1","items":[{"sku":"espresso-beans","qty":1}],"address":"1 Main Street","payment_method":"card"}\'',
} satisfies Config

/** What a route may use. */
export type Gateway = Parameters<Handler<typeof config>>[1]
