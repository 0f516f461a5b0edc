import * as assert from 'uvu/assert'
import { prefers } from '../../functions/gateway/_accept'
import { suite } from '../support/suite'

const test = suite('what an Accept header asks for')

for (const [accept, expected] of [
  [null, false],
  ['', false],
  ['*/*', false],
  ['text/*', false],
  ['text/html,application/xhtml+xml,*/*;q=0.8', false],
  ['application/json', false],
  ['text/vnd.mermaid', true],
  ['Text/VND.Mermaid', true],
  [' text/vnd.mermaid ; charset=utf-8', true],
  ['text/vnd.mermaid, */*', true],
  ['application/json, text/vnd.mermaid', true],
  ['text/vnd.mermaid;q=0.5, application/json;q=0.4', true],
  ['text/vnd.mermaid;q=0.5, application/json', false],
  ['text/vnd.mermaid;q=0', false],
  ['text/vnd.mermaid;q=many', false],
  ['text/vnd.mermaid;q=5', false],
  ['text/vnd.mermaids', false],
  [',;,', false],
] as const) {
  test(`${JSON.stringify(accept)}: ${expected ? 'the diagram' : 'JSON'}`, () => {
    assert.is(prefers(accept, 'text/vnd.mermaid', 'application/json'), expected)
  })
}

test.run()
