import type { Scenario } from './scenario'

const cancels = ['customer cancels', 'operator cancels'] as const
const reports = ['picked_up', 'delivered', 'failed'] as const
const roughly = { dies: true, lost: true, repeats: true } as const

/** Each exhaustive; together every fate of an order, with all that the world may do to it. */
export const scenarios: Scenario[] = [
  { name: 'out of stock', pieces: 0, wishes: ['customer cancels'], ...roughly, overtaken: 1 },
  { name: 'unknown goods', wishes: [...cancels], ...roughly },
  { name: 'the key again with another body', pieces: 0, wishes: ['other body', 'customer cancels'], ...roughly },
  { name: 'card declined', pieces: 1, declines: true, wishes: [...cancels], ...roughly },
  { name: 'card declined, overtaken', pieces: 1, declines: true, wishes: ['customer cancels'], overtaken: 1 },
  { name: 'no courier', pieces: 1, noCourier: true, wishes: ['customer cancels'], ...roughly },
  { name: 'delivered', pieces: 1, wishes: ['picked_up', 'delivered'], ...roughly },
  { name: 'the courier fails', pieces: 1, wishes: ['picked_up', 'failed'], repeats: true },
  { name: 'cancelled anywhere', pieces: 1, wishes: [...cancels, ...reports], repeats: true },
  { name: 'cancel against pick-up, overtaken', pieces: 1, wishes: ['customer cancels', 'picked_up'], overtaken: 1 },
]

/** What `npm run walk` adds. */
export const deeper: Scenario[] = [
  { name: 'no courier, cancelled by two', pieces: 1, noCourier: true, wishes: [...cancels], ...roughly },
  { name: 'the courier fails, roughly', pieces: 1, wishes: ['picked_up', 'failed'], ...roughly },
  { name: 'cancel against pick-up, roughly', pieces: 1, wishes: ['customer cancels', 'picked_up'], ...roughly },
  { name: 'two for the last piece', pieces: 1, noCourier: true, orders: ['A', 'B'], wishes: [], repeats: true },
]
