import { join } from 'node:path'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { copyProject } from '../build/project'
import { startBroker } from '../support/broker'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('log lines of a function')

const files = {
  'functions/_streams.ts': "export default { EVENTS: { subjects: ['events.*'] } }\n",
  'functions/_log.ts': "export default { order: 'order_id' }\n",
  'functions/desk/_contract.ts': `import { object, string } from 'superstruct'
import { message } from '../../runtime/types'

export default { 'events.asked': message(object({ order_id: string() })) }
`,
  'functions/desk/mail.ts': `import type { Config, Handler } from '../_contracts'

export const config = { mode: 'stream', subject: 'events.asked', maxDeliver: 1 } satisfies Config

export default (async ({ order_id }, { log }) => {
  log.info({ order: order_id }, 'asked')
  const type: string = order_id

  throw new Error(\`no \${type}\`)
}) satisfies Handler<typeof config>
`,
}

async function run() {
  const broker = await startBroker()
  const project = copyProject()
  project.remove('functions')
  for (const [path, text] of Object.entries(files)) project.write(path, text)
  const built = await project.build()
  assert.is(built.exitCode, 0, built.stderr)
  const options = { cwd: project.folder, env: { NATS_URL: broker.url }, reject: false } as const
  const child = execa('node', ['runtime'], { ...options, buffer: false })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  atEnd(() => child.kill('SIGKILL'))
  await eventually('it to run', () => output.includes('"msg":"running"'))
  const wire = await openWire(broker)
  await wire.store('events.asked', { order_id: 'o-1' })
  await eventually('the dead letter', async () => (await wire.stored('DLQ')).length === 1)
  const { stdout: shown } = await execa('node', ['runtime', 'dlq', 'show', '1'], options)
  return { lines: output.split('\n'), shown, folder: project.folder }
}

test('tell each field once, and an error by the place in its source', async () => {
  const { lines, shown, folder } = await run()
  const asked = lines.find((line) => line.includes('"msg":"asked"')) ?? ''
  assert.is(asked.split('"order":"o-1"').length, 2, asked)
  const place = `${join(folder, 'functions/desk/mail.ts')}:9:`
  assert.match(shown, place)
  assert.ok(
    lines.some((line) => line.includes('"err"') && line.includes(place)),
    lines.join('\n'),
  )
})

test.run()
