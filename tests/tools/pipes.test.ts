import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('a reader that has read enough')

test('ends a command quietly', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({ name: 'DLQ', subjects: ['dlq.>'] })
  // More than the pipe holds, so that the command still writes when nobody reads.
  const reason = 'x'.repeat(10_000)
  for (let n = 0; n < 50; n++) await wire.store('dlq.note.take', { reason })
  for (const command of ['dlq ls --json', 'dlq show 1', '--help']) {
    const { exitCode, stderr } = await execa({
      shell: '/bin/bash',
      reject: false,
      env: { NATS_URL: broker.url },
    })`set -o pipefail; node runtime ${command.split(' ')} | true`
    assert.equal({ exitCode, stderr }, { exitCode: 0, stderr: '' }, command)
  }
})

test.run()
