import type { NatsConnection, Subscription } from 'nats'
import * as assert from 'uvu/assert'
import { openInbox } from '../../connect/inbox'
import type { Message } from '../../connect/message'
import { Line } from '../../connect/message'
import { seeded } from '../support/random'
import { suite } from '../support/suite'

const test = suite('what the link brings')

/** The client, as far as the inbox knows it; `said` is what it was given to read. */
function opened() {
  const said: Buffer[] = []
  const parserOf = (state = 0) => {
    const parser = {
      state,
      parse(chunk: Buffer) {
        said.push(Buffer.from(chunk))
        if (chunk.includes('\n')) parser.state = 0
      },
    }
    return parser
  }
  const protocol = { parser: parserOf() }
  const taken: Message[] = []
  const inbox = openInbox({ protocol } as unknown as NatsConnection)
  let end = () => {}
  const closed = new Promise<void>((resolve) => {
    end = resolve
  })
  inbox.open({ getID: () => 7, closed } as unknown as Subscription, (message) => void taken.push(message))
  return {
    taken,
    parserOf,
    bring: (bytes: Buffer | string) => protocol.parser.parse(Buffer.from(bytes as string)),
    said: () => Buffer.concat(said).toString(),
    link: (state?: number) => {
      protocol.parser = parserOf(state)
    },
    end,
  }
}

const told = ({ subject, reply, data }: Message) => [subject, reply ?? '', Buffer.from(data).toString()]
interface Sent {
  subject: string
  reply?: string
  block?: string
  body?: string
}

/** As the server writes it. */
function framed({ subject, reply, block = '', body = '' }: Sent): string {
  const size = Buffer.byteLength(block + body)
  const sizes = block ? `${Buffer.byteLength(block)} ${size}` : `${size}`
  return `${block ? 'HMSG' : 'MSG'} ${[subject, 7, reply, sizes].filter(Boolean).join(' ')}\r\n${block}${body}\r\n`
}

const messages: Record<string, Sent> = {
  plain: { subject: 'a.b', body: 'hi' },
  'with a reply': { subject: 'a.b', reply: '_INBOX.x', body: 'hi' },
  empty: { subject: 'a' },
  'of lines': { subject: 'a', body: '\r\nPING\r\n\n' },
  'that is not ASCII': { subject: 'grün', reply: 'größer', body: '"süß€' },
  'with headers': { subject: 'a', block: 'NATS/1.0\r\nA: ü\r\n\r\n', body: 'hi' },
  'with headers and a reply': { subject: 'a', reply: 'r', block: 'NATS/1.0\r\nA: 1\r\n\r\n', body: 'hi' },
  'of headers alone': { subject: 'a', block: 'NATS/1.0 503\r\n\r\n' },
}

const heard = ({ subject, reply = '', body = '' }: Sent) => [subject, reply, body]

for (const [name, sent] of Object.entries(messages)) {
  test(`a message ${name}, whole and split at each byte`, () => {
    const bytes = Buffer.from(framed(sent))
    for (let at = 0; at < bytes.length; at++) {
      const { bring, taken, said } = opened()
      bring(bytes.subarray(0, at))
      bring(bytes.subarray(at))
      assert.equal(taken.map(told), [heard(sent)], `split at ${at}`)
      assert.is(said(), '')
    }
  })
}

test('headers are read on demand, with the status of the server itself', () => {
  const { bring, taken } = opened()
  for (const name of ['with headers', 'of headers alone', 'plain']) bring(framed(messages[name] as Sent))
  const [named, status, plain] = taken
  assert.equal(named?.headers(), { A: 'ü' })
  assert.equal(named?.values(), { A: ['ü'] })
  assert.equal([named?.status(), status?.status(), plain?.status()], [0, 503, 0])
  assert.equal(plain?.headers(), {})
})

const others = ['PING\r\n', 'PONG\r\n', '+OK\r\n', "-ERR 'no'\r\n", 'INFO {"a":"ü"}\r\n', 'MSG a 8 4\r\n\r\nMS\r\n']

test('in whatever pieces it comes, each message and each line of the server has its reader', () => {
  seeded(({ one, chance, whole }) => {
    const { bring, taken, said } = opened()
    const sent: Sent[] = []
    let expected = ''
    let all = ''
    for (let n = 0; n < 500; n++) {
      if (chance(0.3)) {
        const line = one(others)
        expected += line
        all += line
      } else {
        const message = one(Object.values(messages))
        sent.push(message)
        all += framed(message)
      }
    }
    const bytes = Buffer.from(all)
    for (let at = 0, size = 0; at < bytes.length; at += size) {
      size = one([1, whole(1, 30), whole(1, 2_000)])
      bring(bytes.subarray(at, at + size))
    }
    assert.equal(taken.map(told), sent.map(heard))
    assert.is(said(), expected)
  })
})

test('a large message in many pieces is read once it is whole, and kept as bytes', () => {
  const { bring, taken } = opened()
  const body = 'x'.repeat(1_000_000)
  const bytes = Buffer.from(`MSG a 7 ${body.length}\r\n${body}\r\nMSG b 7 0\r\n\r\n`)
  for (let at = 0; at < bytes.length; at += 1_000) bring(bytes.subarray(at, at + 1_000))
  assert.equal(
    taken.map(({ subject, data }) => [subject, data.length]),
    [
      ['a', 1_000_000],
      ['b', 0],
    ],
  )
  assert.equal(
    taken.map(({ data }) => typeof data),
    ['object', 'string'],
  )
})

test('what a broken link left unfinished is nothing of the next one', () => {
  const { bring, taken, link } = opened()
  bring('MSG a 7 10\r\nbegun')
  link()
  bring('MSG b 7 2\r\nhi\r\n')
  assert.equal(taken.map(told), [['b', '', 'hi']])
})

test('what the client has begun to read it reads to the end of the line, and what follows has its reader', () => {
  const { bring, said, taken, link, parserOf } = opened()
  link(parserOf(5).state)
  bring('FO ')
  bring('{}\r\nMSG a 7 2\r\nhi\r\n')
  assert.is(said(), 'FO {}\r\n')
  assert.equal(taken.map(told), [['a', '', 'hi']])
})

test('what comes for a subscription that has ended is not handed on', async () => {
  const { bring, taken, said, end } = opened()
  end()
  await Promise.resolve()
  bring('MSG a 7 2\r\nhi\r\n')
  assert.equal(taken, [])
  assert.is(said(), 'MSG a 7 2\r\nhi\r\n')
})

test('a line that only begins as a message has no size', () => {
  for (const text of ['HELLO', 'M', 'HTTP/1.1 400 Bad Request', 'MSG a 8 4x', 'HMSG a 8 x 4']) {
    const bytes = Buffer.from(`${text}\r\n`)
    const { size, headerSize } = new Line({ bytes, text: `${text}\r\n`, isAscii: true }, 0, text.length)
    assert.not(size + headerSize > 0, text)
  }
})

test.run()
