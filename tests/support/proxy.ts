import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Broker } from './broker'
import { atEnd } from './suite'

export interface Proxy {
  url: string
  /**
   * Resolves once the broker has answered the next client that sends `text`; the answer never arrives, since the link
   * is broken instead, and stays so until `mend`.
   */
  breakAfter(text: string): Promise<void>
  /**
   * Resolves once the link is broken right before the client gets `text` for the time after `count`; what the broker
   * has sent from there on is lost, and the link stays broken until `mend`.
   */
  breakWithin(text: string, count: number): Promise<void>
  mend(): void
  /** Loses all that clients send from now on; what is returned breaks their links, and the next ones lose nothing. */
  lose(): () => void
}

/** A link to the broker that a test can break at the moment that hurts most; with `version` it says to be another server's. */
export async function startProxy(broker: Pick<Broker, 'port'>, { version = '' } = {}): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let wanted: { text: string; broken(): void } | undefined
  let counted: { text: string; left: number; broken(): void } | undefined
  let down = false
  let losing = false

  const server = createServer((client) => {
    if (down) return void client.destroy()
    const upstream = connect(broker.port, '127.0.0.1')
    const cut = () => {
      for (const socket of [client, upstream]) {
        socket.destroy()
        sockets.delete(socket)
      }
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('error', cut).once('close', cut)
    }
    let sent: typeof wanted
    client.on('data', (chunk) => {
      if (losing) return
      upstream.write(chunk)
      if (!wanted || !chunk.includes(wanted.text)) return
      sent = wanted
      wanted = undefined
    })
    upstream.on('data', (chunk) => {
      const until = counted ? endOf(chunk, counted) : -1
      if (until >= 0) {
        down = true
        upstream.destroy()
        client.end(chunk.subarray(0, until))
        counted?.broken()
        counted = undefined
        return
      }
      if (!sent) return void client.write(version ? posing(chunk, version) : chunk)
      down = true
      cut()
      sent.broken()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakAfter: (text) =>
      new Promise((broken) => {
        wanted = { text, broken }
      }),
    breakWithin: (text, count) =>
      new Promise((broken) => {
        counted = { text, left: count, broken }
      }),
    mend() {
      down = false
    },
    lose() {
      losing = true
      return () => {
        for (const socket of sockets) socket.destroy()
        losing = false
      }
    },
  }
}

/** Where in the chunk the text stands that is one too many, or -1; counts those before it. */
function endOf(chunk: Buffer, counted: { text: string; left: number }): number {
  let at = chunk.indexOf(counted.text)
  while (at >= 0 && counted.left-- > 0) at = chunk.indexOf(counted.text, at + 1)
  return at
}

const posing = (chunk: Buffer, version: string): Buffer =>
  Buffer.from(chunk.toString('latin1').replace(/(INFO [^\r\n]*?"version":")[^"]*/g, `$1${version}`), 'latin1')
