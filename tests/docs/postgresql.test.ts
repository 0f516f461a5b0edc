import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { Manifest } from '../../runtime/manifest'
import { postgresSuite } from '../support/postgres'
import { openAt } from '../support/tables'

const { test, database } = postgresSuite('docs/postgresql.md')

const page = readFileSync('docs/postgresql.md', 'utf8')
const { tables } = JSON.parse(readFileSync('manifest.json', 'utf8')) as Manifest

test('every statement in it works on the tables of the manifest', async () => {
  const { url, query } = await database()
  await openAt(url, { tables })
  const blocks = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, text = '']) => text)
  const statements = blocks.flatMap((block) => block.split(/;\n/)).filter((text) => text.trim() !== '')
  assert.ok(statements.length >= 8)
  for (const statement of statements) await query(statement)
})

test('it tells what every column holds', async () => {
  for (const { key, columns } of Object.values(tables ?? {})) {
    for (const name of [key, ...Object.keys(columns)]) assert.match(page, `\`${name}\``)
  }
})

test.run()
