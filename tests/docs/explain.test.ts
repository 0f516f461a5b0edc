import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import type { Explanation } from '../../functions/audit/_contract'
import { mermaid } from '../../functions/audit/_mermaid'
import { schemaOf } from '../contracts/document'
import { readDiagram } from '../support/mermaid'
import { suite } from '../support/suite'

const test = suite('the samples of an explanation')

const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(readFileSync('docs/operations.md', 'utf8'))?.[1] ?? ''

test('docs/operations.md: both forms tell the same, and are what the interface promises', () => {
  const sample = JSON.parse(block('json')) as Explanation
  assert.ok(schemaOf('Explanation')(sample))
  assert.is(mermaid(sample), block('mermaid'))
  readDiagram(block('mermaid'))
})

test('docs/openapi.yaml: the examples are what their schema says', () => {
  const { paths } = parse(readFileSync('docs/openapi.yaml', 'utf8')) as {
    paths: Record<string, { get: { responses: Record<string, { content: Record<string, { example: unknown }> }> } }>
  }
  const content = paths['/api/v1/orders/{order_id}/explain']?.get.responses['200']?.content
  const example = content?.['application/json']?.example
  assert.ok(schemaOf('Explanation')(example))
  const diagram = mermaid(example as Explanation)
  assert.is(content?.['text/vnd.mermaid']?.example, diagram)
  readDiagram(diagram)
})

test.run()
