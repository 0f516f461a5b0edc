import { once } from 'node:events'
import { connect } from 'node:net'

export interface Info {
  version: string
  jetstream: boolean
}

/** Who listens: a NATS server, something foreign (also what stays silent or hangs up), or nobody. */
export async function probe(host: string, port: number, timeoutMs = 500): Promise<Info | 'foreign' | undefined> {
  const socket = connect({ host, port }).setEncoding('utf8')
  const timer = setTimeout(() => socket.destroy(new Error('time is over')), timeoutMs)
  let listens = false
  try {
    await once(socket, 'connect')
    listens = true
    let heard = ''
    for await (const text of socket) {
      heard += text
      if (heard.includes('\n')) break
    }
    const { version, jetstream = false } = JSON.parse(/^INFO (.+)\r\n/.exec(heard)?.[1] ?? '') as Info
    return { version, jetstream }
  } catch (error) {
    // Reset: who hangs up at once is met before the connection counts as made.
    return listens || (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? 'foreign' : undefined
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}
