import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { suite } from '../support/suite'

const test = suite('a process whose log nobody reads any more')

test('ends when it is told to, though the reader leaves meanwhile', async () => {
  const broker = await startBroker()
  const env = { ...process.env, NATS_URL: broker.url, SHUTDOWN_DELAY_MS: '500' }
  const child = spawn(process.execPath, ['runtime', '--only', 'order/status'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('"running"')) {
        // So that it has more than its last line to say.
        await broker.stop()
        child.kill('SIGTERM')
      }
      if (line.includes('"stopping"')) break
    }
    child.stdout.destroy()
    const [code] = await ended
    assert.is(code, 0)
  } finally {
    child.kill('SIGKILL')
  }
})

test.run()
