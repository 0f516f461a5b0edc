import { once } from 'node:events'
import { connect } from 'node:net'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { suite } from '../support/suite'

const test = suite('a process that stops')

test('is not held up by a client that never ends its body', async () => {
  const app = await startApp(await startBroker())
  const { port } = new URL(app.url)
  const socket = connect({ host: '127.0.0.1', port: Number(port) })
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  await new Promise((sent) =>
    socket.write('POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{', sent),
  )
  // Answered behind it on another connection, so the first request has arrived.
  assert.is((await fetch(`${app.url}/api/v1/health`)).status, 200)
  const closed = once(socket, 'close')
  assert.is(await app.end(), 0)
  await closed
  assert.not.ok(app.log().some(({ msg }) => String(msg).includes('still under way')))
})

test.run()
