import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { probe } from '../../embedded/probe'
import { suite } from '../support/suite'

const test = suite('probe')

const listeners: { name: string; greet(socket: Socket): void; expected: unknown }[] = [
  {
    name: 'a NATS server with JetStream',
    greet: (socket) => void socket.write('INFO {"version":"2.12.8","jetstream":true} \r\n'),
    expected: { version: '2.12.8', jetstream: true },
  },
  {
    name: 'a NATS server without',
    greet: (socket) => void socket.write('INFO {"version":"2.9.10"}\r\nPING\r\n'),
    expected: { version: '2.9.10', jetstream: false },
  },
  {
    name: 'a line that comes in pieces',
    greet: (socket) => {
      socket.setNoDelay().write('INFO {"version":"2.12.8",')
      setTimeout(() => socket.write('"jetstream":true}\r\n'), 50)
    },
    expected: { version: '2.12.8', jetstream: true },
  },
  { name: 'another protocol', greet: (socket) => void socket.write('220 mail ready\r\n'), expected: 'foreign' },
  { name: 'an INFO of something else', greet: (socket) => void socket.write('INFO hello\r\n'), expected: 'foreign' },
  { name: 'silence', greet: () => {}, expected: 'foreign' },
  { name: 'one who hangs up', greet: (socket) => void socket.end(), expected: 'foreign' },
  { name: 'one who breaks off', greet: (socket) => void socket.resetAndDestroy(), expected: 'foreign' },
]

for (const { name, greet, expected } of listeners) {
  test(name, async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}))
      greet(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      assert.equal(await probe('127.0.0.1', (server.address() as AddressInfo).port, 300), expected)
    } finally {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  })
}

test('nobody', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  assert.is(await probe('127.0.0.1', port), undefined)
})

test.run()
