import * as assert from 'uvu/assert'
import { decode, encode, headerText } from '../../runtime/envelope'
import { isRejection } from '../../runtime/errors'
import { suite } from '../support/suite'

const test = suite('the envelope')

for (const value of [{}, { n: 1, text: 'Grüße, 你好, 👋' }, [], [1], 'text', 0, false, null]) {
  test(`${JSON.stringify(value)} comes out as it went in`, () => {
    assert.equal(decode(Buffer.from(encode(value))), value)
  })
}

test('an empty body is an empty object', () => {
  assert.equal(decode(new Uint8Array()), {})
})

for (const [what, bytes] of [
  ['text that is not JSON', Buffer.from('hello')],
  ['JSON that breaks off', Buffer.from('{"n":')],
  ['white space alone', Buffer.from('  ')],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ['a number of its own', Buffer.from('NaN')],
] as const) {
  test(`${what} is refused with code 400`, () => {
    try {
      decode(bytes)
      assert.unreachable('it was taken')
    } catch (error) {
      assert.ok(isRejection(error))
      assert.is(error.code, 400)
      assert.equal(error.errors, [{ pointer: '#', detail: 'is not JSON in UTF-8' }])
    }
  })
}

for (const [text, expected] of [
  ['plain', 'plain'],
  ['two\nlines', 'two lines'],
  ['two\r\n\r\nparagraphs', 'two paragraphs'],
  ['x'.repeat(1_000), 'x'.repeat(500)],
] as const) {
  test(`${JSON.stringify(text.slice(0, 20))} fits into a header`, () => {
    assert.is(headerText(text), expected)
  })
}

test.run()
