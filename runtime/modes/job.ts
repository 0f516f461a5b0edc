import type { LoadedFunction } from '../invoke'
import { startDurable } from './durable'
import type { Broker, Running } from './mode'

/** Each job is done by one member of the queue group, which has one durable among its instances. */
export const startJob = (fn: LoadedFunction, broker: Broker): Promise<Running> => startDurable(fn, broker)
