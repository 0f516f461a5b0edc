import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { steps } from '../../functions/order/_table'
import { suite } from '../support/suite'

const test = suite('docs/orders.md')

const text = readFileSync('docs/orders.md', 'utf8')
const [heads = [], , ...rows] = text
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
const told = rows.filter(([name = '']) => /^`\w+`$/.test(name))

test('its table is the code’s, row by row and cell by cell', () => {
  const columns = heads.slice(1).map((head) => (head === 'not seen' ? 'unseen' : head))
  const found = told.map(([name = '', ...cells]) => {
    const row = cells.map((cell, column) => [columns[column], cell === '·' ? 'stays' : cell])
    return [name.replaceAll('`', ''), Object.fromEntries(row)]
  })
  assert.equal(Object.fromEntries(found), steps)
  assert.equal(
    found.map(([name]) => name),
    Object.keys(steps),
  )
})

test.run()
