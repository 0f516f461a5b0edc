import { createHash } from 'node:crypto'
import { couriers as simulatedCouriers } from '../_environment'

/** Who brings the goods. Asked again for the same order, the same courier comes. */
export interface Couriers {
  /** The courier's id, or undefined where none can come. `address` is looked up when it is called. */
  assign(order: { order_id: string; address(): Promise<string> }): Promise<string | undefined>
  /** The order is off; may be said twice. */
  free(order: { order_id: string; courier_id: string }): Promise<void>
}

/** `COURIERS` of them, each carries any number; the order's id picks one. */
const simulated: Couriers = {
  async assign({ order_id }) {
    const count = simulatedCouriers()
    if (count === 0) return undefined
    return `courier-${(createHash('sha256').update(order_id).digest().readUInt32BE() % count) + 1}`
  },
  free: async () => undefined,
}

export const couriers: Couriers = simulated
