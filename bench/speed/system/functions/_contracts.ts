// Made by build.mjs from functions/*/_contract.ts; node build.mjs makes it again.
import type { ConfigOf, HandlerOf } from '../../../../runtime/types'
import echo from './echo/_contract'
import work from './work/_contract'

export const contracts = { ...echo, ...work }

export type Contracts = typeof contracts
export type Config = ConfigOf<Contracts>
export type Handler<C> = HandlerOf<Contracts, C>
