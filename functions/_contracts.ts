// Made by build.mjs from functions/*/_contract.ts; node build.mjs makes it again.
import type { ConfigOf, HandlerOf } from '../runtime/types'
import audit from './audit/_contract'
import delivery from './delivery/_contract'
import inventory from './inventory/_contract'
import notification from './notification/_contract'
import order from './order/_contract'
import payment from './payment/_contract'

export const contracts = { ...audit, ...delivery, ...inventory, ...notification, ...order, ...payment }

export type Contracts = typeof contracts
export type Config = ConfigOf<Contracts>
export type Handler<C> = HandlerOf<Contracts, C>
