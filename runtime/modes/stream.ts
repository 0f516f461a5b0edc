import type { LoadedFunction } from '../invoke'
import { startDurable } from './durable'
import type { Broker, Running } from './mode'

/** Every message of the subject, from the stream's history on, once for the function; its instances share them. */
export const startStream = (fn: LoadedFunction, broker: Broker): Promise<Running> => startDurable(fn, broker)
