import type { Headers, SentHeaders } from '../runtime/envelope'

const version = 'NATS/1.0'
const status = /^NATS\/1\.0 (\d{3})/
const wellFormed = /^[!-9;-~]*$/
const lineBreak = /[\r\n]/
const mostNames = 1_000

/** Names that are well-formed, so that each is looked at once. */
const names = new Set<string>()

function checkName(name: string): void {
  if (names.has(name)) return
  if (!wellFormed.test(name)) throw new Error(`not the name of a header: ${JSON.stringify(name.slice(0, 100))}`)
  if (names.size < mostNames) names.add(name)
}

/** Hands on each header of the block; throws where a name holds what none may, as the client's own parser does. */
function each(block: string, take: (name: string, value: string) => void): void {
  for (let start = block.indexOf('\r\n') + 2; start > 1; ) {
    const next = block.indexOf('\r\n', start)
    const end = next < 0 ? block.length : next
    const colon = block.indexOf(':', start)
    if (colon >= 0 && colon < end) {
      const name = block.slice(start, colon)
      checkName(name)
      take(name, block.slice(colon + 1, end).trim())
    }
    start = next + 2
  }
}

/** Names that every object has, asked for by name since the language's own question costs more than the header. */
const inherited = new Set(Object.getOwnPropertyNames(Object.prototype))

const setOwn = <V>(found: Record<string, V>, name: string, value: V) =>
  Object.defineProperty(found, name, { value, enumerable: true, writable: true, configurable: true })

/** The first value of each. */
export function firstOf(block: string): Headers {
  const found: Headers = {}
  each(block, (name, value) => {
    if (!inherited.has(name)) found[name] ??= value
    else if (!Object.hasOwn(found, name)) setOwn(found, name, value)
  })
  return found
}

export function allOf(block: string): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  each(block, (name, value) => {
    setOwn(found, name, Object.hasOwn(found, name) ? [...(found[name] ?? []), value] : [value])
  })
  return found
}

/** What stands on the first line of a message of the server itself, as 503; otherwise 0. */
export const statusOf = (block: string): number => Number(status.exec(block)?.[1] ?? 0)

export function encodeHeaders(headers: SentHeaders): string {
  let block = version
  for (const name in headers) {
    if (name === '') throw new Error('a header without a name')
    checkName(name)
    const values = headers[name] as string | string[]
    for (const value of typeof values === 'string' ? [values] : values) {
      if (lineBreak.test(value)) throw new Error(`the header ${name} holds a line break`)
      block += `\r\n${name}: ${value.trim()}`
    }
  }
  return `${block}\r\n\r\n`
}
