import { createConnection } from 'node:net'

interface Load {
  url: string
  connections: number
  /** The n-th request, whole. */
  request(n: number): string
  count: number
  /** Awaited before a connection sends its next: what an answer with this body began. */
  after?(body: string): Promise<void>
  /** The status that every answer must have. */
  expected: number
}

/**
 * Sends so many requests over so many connections, each the next as soon as the last is answered; resolves with the
 * milliseconds of each. It is our own, on bare sockets, since a load generator that costs as much as a gateway would
 * measure itself.
 */
export async function load({ url, connections, request, count, expected, after }: Load): Promise<Float64Array> {
  const { hostname, port } = new URL(url)
  const took = new Float64Array(count)
  let next = 0

  const one = () =>
    new Promise<void>((resolve, reject) => {
      let n = -1
      let began = 0
      let rest = ''
      const ask = () => {
        n = next++
        if (n >= count) return void end(resolve)
        began = performance.now()
        socket.write(request(n))
      }
      const take = (size: number, bytes: Uint8Array) => {
        rest += (bytes as Buffer).toString('latin1', 0, size)
        const head = rest.indexOf('\r\n\r\n')
        if (head < 0) return
        const length = lengthIn(rest.slice(0, head))
        if (rest.length < head + 4 + length) return
        if (Number(rest.slice(9, 12)) !== expected) {
          return void end(() => reject(new Error(`answered ${rest.slice(0, 1_000)}`)))
        }
        took[n] = performance.now() - began
        const body = rest.slice(head + 4)
        rest = ''
        if (after) after(body).then(ask, reject)
        else ask()
      }
      // Read into one place, which costs less than a piece of memory for each answer.
      const socket = createConnection({
        port: Number(port),
        host: hostname,
        noDelay: true,
        onread: {
          buffer: Buffer.alloc(65_536),
          callback: (size, bytes) => {
            take(size, bytes)
            return true
          },
        },
      })
      const broken = () => reject(new Error('the server closed the connection'))
      const end = (settle: () => void) => {
        socket.off('close', broken).destroy()
        settle()
      }
      socket.once('connect', ask).once('error', reject).once('close', broken)
    })

  await Promise.all(Array.from({ length: connections }, one))
  return took
}

function lengthIn(head: string): number {
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? []
  return length === undefined ? Number.POSITIVE_INFINITY : Number(length)
}

export const post = (path: string, body: string, headers: Record<string, string> = {}): string =>
  `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${Object.entries(
    headers,
  )
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n${body}`

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`

export const order = (user: string): string =>
  JSON.stringify({
    user_id: user,
    items: [{ sku: 'espresso-beans', qty: 1 }],
    address: '1 Main Street',
    payment_method: 'card',
  })

/** More of what `order` asks for than any run orders. */
export async function fillShelf(url: string): Promise<void> {
  const body = JSON.stringify({ on_hand: 10_000_000 })
  const { status } = await fetch(`${url}/api/v1/inventory/espresso-beans`, { method: 'PUT', body })
  if (status !== 200) throw new Error(`the shelf was not filled: ${status}`)
}
