import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Database } from '../../testing/postgres'

/** The database's address for a process that reaches this side at `here`; it listens on this machine's loopback alone. */
export async function databaseFrom(here: string, { url, port }: Database): Promise<string> {
  if (here === '127.0.0.1') return url
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    client.pipe(upstream).pipe(client)
    const cut = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.once('error', cut).once('close', cut)
  }).listen(0, here)
  await once(server, 'listening')
  server.unref()
  return url.replace(`127.0.0.1:${port}`, `${here}:${(server.address() as AddressInfo).port}`)
}
