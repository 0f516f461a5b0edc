/** One command of the NATS protocol, as it was sent. */
export interface Frame {
  bytes: Buffer
  /** It carries a body: published, or delivered. */
  isMessage: boolean
  /** Asks for messages; twice it would be another request. */
  isPull: boolean
}

const withBody = /^(H?PUB|H?MSG) (\S+)/

/** Splits what comes in pieces of any size into whole commands. */
export function framer(): (chunk: Buffer) => Frame[] {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const frames: Frame[] = []
    for (;;) {
      const end = rest.indexOf('\r\n')
      if (end < 0) return frames
      const line = rest.toString('latin1', 0, end)
      const [, verb, subject = ''] = withBody.exec(line) ?? []
      const body = verb ? Number(line.slice(line.lastIndexOf(' ') + 1)) + 2 : 0
      const length = end + 2 + body
      if (rest.length < length) return frames
      frames.push({
        bytes: rest.subarray(0, length),
        isMessage: verb !== undefined,
        isPull: subject.startsWith('$JS.API.CONSUMER.MSG.NEXT.'),
      })
      rest = rest.subarray(length)
    }
  }
}
