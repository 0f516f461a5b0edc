import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite'

const test = suite('the options of the programs in bench/')

const run = (...args: string[]) => execa('node', ['bench/run.mjs', ...args], { reject: false })

for (const [name, options] of Object.entries({
  chaos: ['seed', 'orders', 'kills', 'broker-kills', 'at-once', 'every', 'one-network', 'postgres', 'cluster'],
  crash: ['seed', 'point', 'times', 'seconds'],
  outage: ['seconds', 'around', 'at-once', 'seed'],
  rolling: ['rounds', 'orders-per-second', 'seed'],
  scale: ['rounds', 'processes', 'orders', 'write'],
  speed: ['rounds', 'runs', 'orders', 'write'],
})) {
  test(`${name}: --help tells all of them and ends well, an unknown one is a line and exit code 2`, async () => {
    const help = await run(name, '--help')
    assert.equal([help.exitCode, help.stderr], [0, ''])
    assert.equal(
      [...help.stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, option]) => option),
      options,
    )
    const unknown = await run(name, '--nope')
    assert.equal([unknown.exitCode, unknown.stdout], [2, ''])
    assert.is(unknown.stderr, `${name}: Unknown option '--nope'; --help tells the options`)
  })
}

test('a figure that there is not, and a word where none is wanted, are a line and exit code 2', async () => {
  const figure = await run('scale', 'nope')
  assert.is(figure.exitCode, 2)
  assert.match(figure.stderr, /^scale: no figure is named nope; there are write, rpc, .*, kept$/)
  const word = await run('chaos', 'nope')
  assert.is(word.exitCode, 2)
  assert.is(word.stderr, "chaos: Unexpected argument 'nope'; --help tells the options")
})

test.run()
