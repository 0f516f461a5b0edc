// Made by build.mjs from functions/*/_contract.ts; node build.mjs makes it again.
import type { ConfigOf, HandlerOf } from '../../../runtime/types'
import greeting from './greeting/_contract'

export const contracts = { ...greeting }

export type Contracts = typeof contracts
export type Config = ConfigOf<Contracts>
export type Handler<C> = HandlerOf<Contracts, C>
