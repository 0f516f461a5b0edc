import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { freePort, startBroker } from '../support/broker'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { type Kubernetes, objectsIn } from './made'

const test = suite('what asks a process how it is')

const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const
type Asked = { httpGet: { path: string } }

/** The path of each probe, which is the same in every group. */
function paths(): Record<(typeof probes)[number], string> {
  const [deployment] = objectsIn('deploy/kubernetes/functions/order.yaml')
  const { template } = (deployment as Kubernetes).spec as {
    template: { spec: { containers: [Record<string, Asked>] } }
  }
  const [container] = template.spec.containers
  return Object.fromEntries(probes.map((probe) => [probe, container[probe]?.httpGet.path])) as never
}

const healthy = async (env: Record<string, string>) =>
  (
    await execa('node', ['deploy/healthy.mjs'], {
      reject: false,
      extendEnv: false,
      env: { PATH: process.env.PATH, ...env },
    })
  ).exitCode

test('the probes’ paths are answered; readiness follows NATS, liveness does not', async () => {
  const broker = await startBroker()
  const OPS_ADDR = `127.0.0.1:${await freePort()}`
  await startApp(broker, { args: ['--only', 'order'], env: { OPS_ADDR } })
  const asked = async () => {
    const found = Object.entries(paths()).map(async ([probe, path]) => [
      probe,
      (await fetch(`http://${OPS_ADDR}${path}`)).status,
    ])
    return Object.fromEntries(await Promise.all(found))
  }
  assert.equal(await asked(), { startupProbe: 200, livenessProbe: 200, readinessProbe: 200 })
  assert.is(await healthy({ OPS_ADDR }), 0)
  await broker.kill()
  await eventually('readiness to be gone', async () => (await asked()).readinessProbe === 503)
  assert.is((await asked()).livenessProbe, 200)
  assert.is(await healthy({ OPS_ADDR }), 0)
})

test('the image’s health check asks the gateway where OPS_ADDR is off, and fails where nobody answers', async () => {
  const HTTP_ADDR = `127.0.0.1:${await freePort()}`
  const app = await startApp(await startBroker(), { args: ['--only', 'gateway'], env: { HTTP_ADDR } })
  assert.is(await healthy({ HTTP_ADDR }), 0)
  assert.is(await healthy({ HTTP_ADDR, OPS_ADDR: '' }), 0)
  assert.is(await healthy({ HTTP_ADDR, OPS_ADDR: `:${await freePort()}` }), 1, 'where there is one, it alone is asked')
  await app.end()
  assert.is(await healthy({ HTTP_ADDR }), 1)
})

test('a gateway answers at OPS_ADDR as well', async () => {
  const { OPS_ADDR = '' } = parseEnv(readFileSync('deploy/functions.env', 'utf8'))
  assert.match(OPS_ADDR, /^:\d+$/)
  const address = `:${await freePort()}`
  await startApp(await startBroker(), { args: ['--only', 'gateway'], env: { OPS_ADDR: address } })
  assert.is(await healthy({ OPS_ADDR: address }), 0)
})

test.run()
