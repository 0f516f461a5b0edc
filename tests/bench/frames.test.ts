import * as assert from 'uvu/assert'
import { framer } from '../../bench/chaos/frames'
import { random } from '../support/random'
import { suite } from '../support/suite'

const test = suite('the commands on a bad link')

const pull = '$JS.API.CONSUMER.MSG.NEXT.EVENTS.order__track'
const commands: [bytes: string, isMessage: boolean, isPull: boolean][] = [
  ['INFO {"version":"2.9.10"}\r\n', false, false],
  ['CONNECT {"verbose":false}\r\n', false, false],
  ['PING\r\n', false, false],
  ['SUB events.* 1\r\n', false, false],
  ['PUB events.a 5\r\nPUB x\r\n', true, false],
  ['PUB events.a _INBOX.1 4\r\n\r\n\r\n\r\n', true, false],
  ['PUB events.empty 0\r\n\r\n', true, false],
  ['HPUB events.a _INBOX.1 12 17\r\nNATS/1.0\r\n\r\nhello\r\n', true, false],
  [`PUB ${pull} _INBOX.2 2\r\n{}\r\n`, true, true],
  ['MSG events.a 1 3\r\nПr\r\n'.replace('П', '\u00c3\u009f'), true, false],
  ['HMSG events.a 1 $JS.ACK.x 12 12\r\nNATS/1.0\r\n\r\n\r\n', true, false],
]

test('come out whole and in order, whatever the pieces they come in', () => {
  const choices = random()
  const all = Buffer.from(commands.map(([bytes]) => bytes).join(''), 'latin1')
  for (let round = 0; round < 500; round++) {
    const split = framer()
    const found = []
    for (let at = 0; at < all.length; ) {
      const size = choices.whole(1, round === 0 ? 1 : 40)
      found.push(...split(all.subarray(at, at + size)))
      at += size
    }
    assert.equal(
      found.map(({ bytes, isMessage, isPull }) => [bytes.toString('latin1'), isMessage, isPull]),
      commands,
      `SEED=${choices.seed}, round ${round}`,
    )
  }
})

test.run()
