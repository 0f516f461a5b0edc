import { randomBytes } from 'node:crypto'

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const nobody = /^0+$/
const [unsampled, sampled] = ['00', '01']

let flagsOfNew = unsampled

/** Told where spans are exported: a trace that begins here is sampled from now on. The broker spends more on each message of one that is. */
export const sampleNew = () => {
  flagsOfNew = sampled
}

/** The W3C trace context of the next hop: the same trace as `incoming` where that is one, a new trace otherwise. */
export function nextTraceparent(incoming?: string): string {
  const [, trace, parent, flags] = form.exec(incoming ?? '') ?? []
  const known = trace && parent && !nobody.test(trace) && !nobody.test(parent)
  return `00-${known ? trace : digits() + digits()}-${digits()}-${known ? flags : flagsOfNew}`
}

const pooledBytes = 4_096
let pool = ''
let used = 0

/** Sixteen random hexadecimal digits; drawn many at once, since each draw costs as much as what it is for. */
function digits(): string {
  if (used >= pool.length) {
    pool = randomBytes(pooledBytes).toString('hex')
    used = 0
  }
  used += 16
  return pool.slice(used - 16, used)
}

export const traceId = (traceparent: string): string => traceparent.slice(3, 35)
