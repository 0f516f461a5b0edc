import { connect } from 'node:net'
import type { Broker } from './broker'
import { atEnd } from './suite'

/** Sends what no NATS client would; resolves when the broker has taken all of it. */
export async function sendBare(broker: Pick<Broker, 'port'>, lines: string): Promise<void> {
  const socket = connect(broker.port, '127.0.0.1')
  atEnd(() => socket.destroy())
  socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${lines}PING\r\n`)
  await new Promise<void>((resolve, reject) => {
    let text = ''
    socket.once('error', reject)
    socket.on('data', (chunk) => {
      text += chunk
      if (text.includes('-ERR')) reject(new Error(text))
      if (text.includes('PONG')) resolve()
    })
  })
  socket.end()
}

/** A publish whose header has a space in its name, which clients refuse to read. */
export function malformed(subject: string, body: string): string {
  const head = 'NATS/1.0\r\nno good: x\r\n\r\n'
  return `HPUB ${subject} ${head.length} ${head.length + Buffer.byteLength(body)}\r\n${head}${body}\r\n`
}
