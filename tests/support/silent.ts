import type { Log } from '../../runtime/types'

const nothing = () => undefined

export const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
