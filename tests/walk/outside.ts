import { type Couriers, couriers } from '../../functions/delivery/_couriers'
import { type PaymentProvider, provider } from '../../functions/payment/_provider'
import { effect } from './run'
import { type World, withValue } from './world'

/** What the payment service knows of one payment. */
export interface Account {
  answer?: 'captured' | 'declined'
  voided?: true
  amount: number
  refunded: number
}

/** How the world outside behaves; set for each run. */
export const outside = { declines: false, noCourier: false, answersAreLost: false }

export const accountOf = (world: World, key: string) => world.get(`provider/${key}`) as Account | undefined

/** A call that changes what the service knows; where answers are lost, the caller cannot know that it did. */
function call<T>(key: string, change: (known: Account | undefined) => [Account | undefined, T]): Promise<T> {
  return effect((world) => {
    const known = accountOf(world, key)
    const [account, value] = change(known)
    const after = account === known ? world : withValue(world, `provider/${key}`, account)
    return outside.answersAreLost ? { world: after, error: new Error('no answer') } : { world: after, value }
  }) as Promise<T>
}

const paid = (key: string) => ({ kind: 'captured' as const, payment_id: `card-${key}` })

/** The payment service as `PaymentProvider` promises it: one payment for each key, whatever is asked how often. */
const service: PaymentProvider = {
  capture: ({ key, amount }) =>
    call<Awaited<ReturnType<PaymentProvider['capture']>>>(key, (known) => {
      const answer = known?.answer ?? (known?.voided || outside.declines ? 'declined' : 'captured')
      const account = known?.answer || known?.voided ? known : { amount, refunded: 0, answer }
      return [account, answer === 'captured' ? paid(key) : { kind: 'declined' }]
    }),
  void: ({ key }) =>
    call<Awaited<ReturnType<PaymentProvider['void']>>>(key, (known) => {
      if (known?.answer === 'captured') return [known, paid(key)]
      return [known ?? { amount: 0, refunded: 0, voided: true }, { kind: 'voided' }]
    }),
  refund: ({ key, amount }) =>
    call(key, (known) => {
      if (known?.answer !== 'captured') throw new Error(`${key}: nothing was captured that could be refunded`)
      return [known.refunded > 0 ? known : { ...known, refunded: amount }, undefined]
    }),
}

const dispatcher: Couriers = {
  assign: async ({ order_id }) =>
    (await effect((world) => {
      if (outside.noCourier) return { value: undefined }
      const known = world.get(`courier/${order_id}`)
      return { value: 'courier-1', world: known ? world : withValue(world, `courier/${order_id}`, 'assigned') }
    })) as string | undefined,
  free: async ({ order_id }) => {
    await effect((world) => ({ world: withValue(world, `courier/${order_id}`, 'freed') }))
  },
}

/** Puts both in the place of the simulated ones. */
export function takeOutside(): void {
  Object.assign(provider(), service)
  Object.assign(couriers, dispatcher)
}
