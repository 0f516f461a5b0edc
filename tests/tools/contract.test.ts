import * as assert from 'uvu/assert'
import { withSubject } from '../../tools/contract'
import { suite } from '../support/suite'

const test = suite('a subject more in a contract')

const imports = "import { object } from 'superstruct'\nimport { message } from '../../runtime/types'\n\n"
const wanted = { mode: 'stream', subject: 'events.new' }
const added = "'events.new': message(object({}))"

for (const [what, before, after] of [
  [
    'in lines',
    "export default {\n  'a.b': message(A),\n}\n",
    `export default {\n  'a.b': message(A),\n  ${added},\n}\n`,
  ],
  [
    'without a last comma',
    "export default {\n  'a.b': message(A)\n}\n",
    `export default {\n  'a.b': message(A),\n  ${added},\n}\n`,
  ],
  ['in one line', "export default { 'a.b': message(A) }\n", `export default { 'a.b': message(A), ${added} }\n`],
  ['of nothing', 'export default {}\n', `export default { ${added} }\n`],
  [
    'that satisfies a type',
    "export default {\n  'a.b': message(A),\n} satisfies Contracts\n",
    `export default {\n  'a.b': message(A),\n  ${added},\n} satisfies Contracts\n`,
  ],
] as const) {
  test(`one ${what} gets it`, () => {
    assert.is(withSubject(imports + before, wanted, 'x.ts'), imports + after)
  })
}

for (const [what, text] of [
  ['a name', 'const all = {}\nexport default all\n'],
  ['a call', 'export default merge({})\n'],
  ['an entry that ends in a comment', "export default {\n  'a.b': message(A) // the first\n}\n"],
] as const) {
  test(`one that exports ${what} is refused by name, with the line to add`, () => {
    assert.throws(
      () => withSubject(imports + text, wanted, 'functions/a/_contract.ts'),
      (error: Error) => error.message.startsWith('functions/a/_contract.ts: ') && error.message.endsWith(added),
    )
  })
}

test('what it needs is imported, among what is', () => {
  const before =
    "import { array, type Infer, string } from 'superstruct'\nimport { message } from '../../runtime/types'\n\nexport default {}\n"
  assert.match(
    withSubject(before, { mode: 'rpc', subject: 'rpc.new' }, 'x.ts'),
    /^import \{ array, boolean, type Infer, object, string \} from 'superstruct'\nimport \{ message, request \} from/,
  )
})

test.run()
