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
  mend(): void
}

/** A link to the broker that a test can break at the moment that hurts most; with `version` it says to be another server's. */
export async function startProxy(broker: Pick<Broker, 'port'>, { version = '' } = {}): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let wanted: { text: string; broken(): void } | undefined
  let down = false

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
      upstream.write(chunk)
      if (!wanted || !chunk.includes(wanted.text)) return
      sent = wanted
      wanted = undefined
    })
    upstream.on('data', (chunk) => {
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
    mend() {
      down = false
    },
  }
}

const posing = (chunk: Buffer, version: string): Buffer =>
  Buffer.from(chunk.toString('latin1').replace(/(INFO [^\r\n]*?"version":")[^"]*/g, `$1${version}`), 'latin1')
