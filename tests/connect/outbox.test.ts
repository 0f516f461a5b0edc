import type { NatsConnection } from 'nats'
import * as assert from 'uvu/assert'
import { openOutbox } from '../../connect/outbox'
import { suite } from '../support/suite'

const test = suite('what goes out')

/** The client, as far as the outbox knows it: what it writes, and what it is handed to write when it can. */
function opened({ connected = true } = {}) {
  const written: string[] = []
  const handed: string[] = []
  const client = ['+ its own\r\n']
  const protocol = {
    connected,
    transport: { socket: { write: (text: string, encoding: BufferEncoding) => written.push(bytesOf(text, encoding)) } },
    sendCommand: (...parts: Uint8Array[]) => void handed.push(Buffer.concat(parts).toString()),
    flushPending: () => void written.push(...client.splice(0)),
  }
  const outbox = openOutbox({
    protocol,
    isClosed: () => false,
    info: { max_payload: 100 },
  } as unknown as NatsConnection)
  return { outbox, written, handed }
}

const bytesOf = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding).toString()
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what one turn sends is one write, after what the client had to say', async () => {
  const { outbox, written } = opened()
  outbox.put('a', 'one', { reply: 'r' })
  outbox.put('b', 'two', { headers: { A: '1' } })
  assert.equal(written, [])
  await turn()
  assert.equal(written, ['+ its own\r\n', 'PUB a r 3\r\none\r\nHPUB b 18 21\r\nNATS/1.0\r\nA: 1\r\n\r\ntwo\r\n'])
})

for (const [what, subject, body, headers] of [
  ['a body', 'a', 'süß', undefined],
  ['a subject', 'grün', 'plain', undefined],
  ['a header', 'a', 'plain', { A: 'größer' }],
] as const) {
  test(`${what} that is not ASCII goes out as UTF-8`, async () => {
    const { outbox, written } = opened()
    outbox.put(subject, body, { headers })
    await turn()
    const [, text = ''] = written
    assert.ok(text.includes(headers ? 'A: größer' : ` ${Buffer.byteLength(body)}\r\n${body}`), text)
    assert.ok(text.includes(` ${subject} `), text)
  })
}

test('bytes go out as they are, in their place', async () => {
  const { outbox, handed } = opened()
  outbox.put('a', 'one')
  outbox.put('b', new Uint8Array([104, 105]))
  outbox.put('c', 'three')
  await turn()
  assert.equal(handed, ['PUB a 3\r\none\r\nPUB b 2\r\nhi\r\nPUB c 5\r\nthree\r\n'])
})

test('while there is no link the client is handed it', async () => {
  const { outbox, written, handed } = opened({ connected: false })
  outbox.put('a', 'one')
  await turn()
  assert.equal(handed, ['PUB a 3\r\none\r\n'])
  assert.not.ok(written.some((text) => text.includes('PUB')))
})

test('more than a little goes out at once, and what is dropped never', async () => {
  const { outbox, written } = opened()
  for (let n = 0; n < 200; n++) outbox.put('a', 'x'.repeat(50))
  assert.is(written.length, 3)
  outbox.drop()
  await turn()
  assert.is(written.length, 3)
})

test('what the server would not take throws and is not sent', async () => {
  const { outbox, written } = opened()
  assert.throws(() => outbox.put('a b', 'x'), /not a subject/)
  assert.throws(() => outbox.put('a', 'x'.repeat(101)), /over 100 bytes/)
  await turn()
  assert.equal(written, [])
})

test.run()
