import { simulatedLegMs } from '../_environment'
import type { Report } from './_contract'

interface Leg {
  body: { order_id: string; occurred_at: string }
  later(ms: number): never
  update(report: { order_id: string } & Report): Promise<unknown>
}

/** Reports as a courier would, one leg's time after the event; couriers report themselves where that is not set. */
export async function travel(status: Report['status'], { body, later, update }: Leg): Promise<void> {
  const legMs = simulatedLegMs()
  if (legMs === undefined) return
  const left = Date.parse(body.occurred_at) + legMs - Date.now()
  if (left > 0) later(left)
  await update({ order_id: body.order_id, status }).catch((error: { code?: number }) => {
    // Cancelled meanwhile, or reported by hand: this courier has nothing to say.
    if (error.code !== 409) throw error
  })
}
