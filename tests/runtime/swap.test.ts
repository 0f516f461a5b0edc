import * as assert from 'uvu/assert'
import { defaultPolicy } from '../../runtime/manifest'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a function that is replaced while it works')

test('hands each message to the old one or to the new one, and to no two', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const runs: string[] = []
  const note =
    (by: string) =>
    ({ n }: Note) =>
      void runs.push(`${n} ${by}`)
  const entry = { mode: 'job' as const, subject: 'jobs.swapped', queue: 'swapped' }
  const host = await runFunctions(broker, {
    contracts: notes('jobs.swapped'),
    functions: { 'swapped/job': { ...entry, handler: note('old') } },
  })
  let stored = 0
  const store = async () => wire.store('jobs.swapped', { n: ++stored })
  for (let count = 0; count < 5; count++) await store()
  let swapped = false
  const lists = { emits: [], requests: [], stores: [], ledgers: [], awaits: [] }
  const named = { name: 'swapped/job', file: 'swapped', bundle: 'swapped', ...lists, ...entry }
  const putting = host
    .put({ entry: { ...named, policy: { ...defaultPolicy, concurrency: 32 } }, handler: note('new') })
    .then(() => {
      swapped = true
    })
  while (!swapped) await store()
  await putting
  await store()
  await eventually('all of them', () => new Set(runs.map((run) => run.split(' ')[0])).size === stored)
  assert.ok(runs.some((run) => run.endsWith('new')))
  assert.is(runs.length, stored)
})

test.run()
