// Made by build.mjs from functions/*/_contract.ts; node build.mjs makes it again.
import type { ConfigOf, HandlerOf } from '../../../../runtime/types'
import echo from './echo/_contract'
import task from './task/_contract'

export const contracts = { ...echo, ...task }

export type Contracts = typeof contracts
export type Config = ConfigOf<Contracts>
export type Handler<C> = HandlerOf<Contracts, C>
