import type { Headers, SentHeaders } from '../runtime/envelope'

const version = 'NATS/1.0'
const status = /^NATS\/1\.0 (\d{3})/
const wellFormed = /^[!-9;-~]*$/
const lineBreak = /[\r\n]/
const mostNames = 1_000

/** How each name that was written stands in a block. */
const written = new Map<string, string>()

function beginningOf(name: string): string {
  const known = written.get(name)
  if (known !== undefined) return known
  if (name === '') throw new Error('a header without a name')
  checkName(name)
  const beginning = `\r\n${name}: `
  if (written.size < mostNames) written.set(name, beginning)
  return beginning
}

function checkName(name: string): void {
  if (!wellFormed.test(name)) throw new Error(`not the name of a header: ${JSON.stringify(name.slice(0, 100))}`)
}

const space = ' '.charCodeAt(0)

/**
 * Names that were read, each at a place of its length and first character: one that comes again is given from here, since
 * a text that was just cut out is looked up at each use as a key.
 */
const lengths = 64
const read = new Array<string | undefined>(128 * lengths)

/** Throws where it holds what no name may, as the client's own parser does. */
function nameAt(block: string, start: number, end: number): string {
  const name = block.slice(start, end)
  const place = block.charCodeAt(start) * lengths + ((end - start) & (lengths - 1))
  const known = read[place]
  if (known === name) return known
  checkName(name)
  // A copy, since what was cut out keeps all that it was cut out of.
  if (name !== '' && name.length < lengths) read[place] = Buffer.from(name, 'latin1').toString('latin1')
  return name
}

/** Hands on each header of the block. */
function each(block: string, take: (name: string, value: string) => void): void {
  for (let start = block.indexOf('\r\n') + 2; start > 1; ) {
    const next = block.indexOf('\r\n', start)
    const end = next < 0 ? block.length : next
    const at = block.indexOf(':', start)
    if (at >= 0 && at < end) {
      const from = block.charCodeAt(at + 1) === space ? at + 2 : at + 1
      take(nameAt(block, start, at), block.slice(from, end).trim())
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
    const beginning = beginningOf(name)
    const values = headers[name] as string | string[]
    if (typeof values === 'string') block += beginning + textOf(name, values)
    else for (const value of values) block += beginning + textOf(name, value)
  }
  return `${block}\r\n\r\n`
}

function textOf(name: string, value: string): string {
  if (lineBreak.test(value)) throw new Error(`the header ${name} holds a line break`)
  return value.trim()
}
