import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'

const test = suite('the example of another system')

test('is built, and not stale', async () => {
  const { stdout } = await execa('node', ['build.mjs', '--check', 'examples/greeting'])
  assert.is(stdout, '2 functions built; nothing is stale')
})

test('greets, and tells once of somebody new', async () => {
  const broker = await startBroker()
  const app = await startApp(broker, { args: ['--manifest', 'examples/greeting/manifest.json'] })
  const greet = async () => (await runTool(broker, ['call', 'rpc.greet', '{"name":"Ada"}'])).stdout
  assert.is(await greet(), '{"text":"Hello Ada"}')
  assert.is(await greet(), '{"text":"Hello again, Ada"}')
  const flowers = () => app.log().filter(({ msg }) => msg === 'somebody new: send flowers')
  await eventually('the flowers', () => flowers().length > 0)
  assert.is(await app.end(), 0)
  assert.equal(
    flowers().map(({ name, function: by }) => [name, by]),
    [['Ada', 'greeting/welcome']],
  )
})

test.run()
