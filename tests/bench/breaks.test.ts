import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import breaks from '../../bench/crash/breaks.json'
import { suite } from '../support/suite'

const test = suite('what npm run crash:broken breaks')

for (const { what, file, from } of breaks) {
  test(`${what}: stands in ${file}, once`, () => {
    assert.is(readFileSync(file, 'utf8').split(from).length, 2)
  })
}

test.run()
