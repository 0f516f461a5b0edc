import { randomUUID } from 'node:crypto'

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const nobody = /^0+$/

/** The W3C trace context of the next hop: the same trace as `incoming` where that is one, a new trace otherwise. */
export function nextTraceparent(incoming?: string): string {
  const [, trace, parent, flags] = form.exec(incoming ?? '') ?? []
  const known = trace && parent && !nobody.test(trace) && !nobody.test(parent)
  return `00-${known ? trace : digits() + digits()}-${digits()}-${known ? flags : '01'}`
}

/** Sixteen random hexadecimal digits, from a UUID since those are drawn from a pool. */
const digits = (): string => randomUUID().replaceAll('-', '').slice(-16)

export const traceId = (traceparent: string): string => traceparent.slice(3, 35)
