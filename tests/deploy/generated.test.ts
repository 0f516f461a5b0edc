import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { consumerFor } from '../../provision/needs'
import { type Manifest, readManifest } from '../../runtime/manifest'
import { select } from '../../tools/select'
import { nodeRuntime } from '../support/node_runtime'
import { atEnd, suite } from '../support/suite'
import { groupFiles, type Made, readMade } from './made'

const test = suite('what node runtime deploy makes of a manifest')

const manifest = readManifest('manifest.json')

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'deploy-'))
  atEnd(() => rmSync(made, { recursive: true }))
  return made
}

test('what is committed is what it makes', async () => {
  const { exitCode, stdout, stderr } = await nodeRuntime(['deploy', '--check'])
  assert.equal({ exitCode, stdout, stderr }, { exitCode: 0, stdout: '', stderr: '' })
})

test('--check tells what was edited and what a group that is gone has left, and leaves both', async () => {
  const out = folder()
  cpSync('deploy', out, { recursive: true })
  const edited = join(out, 'kubernetes/scaling/order.yaml')
  const left = join(out, 'kubernetes/functions/loyalty.yaml')
  writeFileSync(edited, readFileSync(edited, 'utf8').replace('maxReplicaCount: 10', 'maxReplicaCount: 11'))
  writeFileSync(left, 'kind: Deployment\n')
  const check = () => nodeRuntime(['deploy', '--check', '--out', out])
  const { exitCode, stdout } = await check()
  assert.is(exitCode, 1)
  assert.equal(
    stdout.split('\n').map((line) => /(kubernetes\S+) is stale: run node runtime deploy and commit/.exec(line)?.[1]),
    ['kubernetes/functions/loyalty.yaml', 'kubernetes/scaling/order.yaml'],
  )
  assert.is((await nodeRuntime(['deploy', '--out', out])).exitCode, 0)
  assert.equal(await check(), { exitCode: 0, stdout: '', stderr: '' })
})

for (const [what, path] of [
  ['this system', 'manifest.json'],
  ['another system', 'examples/greeting/manifest.json'],
] as const) {
  test(`${what}: each live function runs in one service and one Deployment, and each durable has a scaler or a reason`, async () => {
    const about = readManifest(path)
    const out = folder()
    assert.is((await nodeRuntime(['deploy', '--manifest', path, '--out', out])).exitCode, 0)
    holds(about, readMade(out))
  })
}

function holds(about: Manifest, made: Made): void {
  const live = select(about, undefined, undefined).map(({ name }) => name)
  for (const [kind, args] of Object.entries(made.args)) {
    const run = args.flatMap(([flag, only]) => {
      assert.is(flag, '--only')
      return select(about, only, undefined).map(({ name }) => name)
    })
    assert.equal(run.toSorted(), live, kind)
  }
  const durables = about.functions
    .filter(({ mode, policy }) => (mode === 'stream' || mode === 'job') && policy.replay !== 'only')
    .map((entry) => ({ entry, ...consumerFor(about, entry) }))
  const wanted = durables.filter(({ ordered }) => !ordered).map(({ stream, name }) => `${stream} ${name}`)
  assert.equal(made.triggers.toSorted(), wanted.toSorted())
  for (const { entry } of durables.filter(({ ordered }) => ordered)) {
    assert.ok(made.text.includes(`# ${entry.name} is ordered: `), entry.name)
  }
}

test('a Deployment is scaled by one thing, and by none that another group has', () => {
  const made = readMade('deploy')
  assert.equal(made.scaled.toSorted(), made.deployments.toSorted())
  assert.equal(made.budgets.toSorted(), made.deployments.toSorted())
})

test('the gateway alone has a Service and a published port', () => {
  const serving = manifest.functions.filter(({ mode }) => mode === 'http').map(({ name }) => name.split('/')[0])
  assert.equal(readMade('deploy').services, serving)
  assert.equal(readMade('deploy').published, serving)
})

test('a function that the --only of another group would run as well is refused', async () => {
  const out = folder()
  const changed = structuredClone(manifest)
  const found = changed.functions.find(({ name }) => name === 'order/create')
  if (found) found.queue = 'payment'
  writeFileSync(join(out, 'manifest.json'), JSON.stringify(changed))
  const { exitCode, stderr } = await nodeRuntime(['deploy', '--manifest', join(out, 'manifest.json'), '--out', out])
  assert.is(exitCode, 2)
  assert.is(stderr, 'order/create: --only payment would run it too, since its queue is payment; give it another queue')
})

for (const [folders, refused] of [
  [['a_b', 'a-b'], 'a-b and a_b: both are a-b in Kubernetes; rename one of the folders'],
  [['x_'], 'x_: would be x- in Kubernetes, which cannot be; rename the folder'],
  [['kustomization'], 'kustomization: would be kustomization in Kubernetes, which cannot be; rename the folder'],
  [['x'.repeat(64)], `${'x'.repeat(64)}: would be ${'x'.repeat(64)} in Kubernetes, which cannot be; rename the folder`],
] as const) {
  test(`groups ${folders.join(' and ')} are refused in one line, and nothing is written`, async () => {
    const out = folder()
    const live = manifest.functions.filter(({ mode }) => mode === 'event').slice(0, 1)
    const functions = folders.flatMap((name) => live.map((entry) => ({ ...entry, name: `${name}/live` })))
    writeFileSync(join(out, 'manifest.json'), JSON.stringify({ ...manifest, functions }))
    const { exitCode, stderr } = await nodeRuntime(['deploy', '--manifest', join(out, 'manifest.json'), '--out', out])
    assert.is(exitCode, 2)
    assert.is(stderr, refused)
    assert.equal(readdirSync(out), ['manifest.json'])
  })
}

test('made twice it is the same bytes, and --monitor is asked by every trigger', async () => {
  const [one, other] = [folder(), folder()]
  for (const out of [one, other]) await nodeRuntime(['deploy', '--out', out, '--monitor', 'nats.test:8222'])
  assert.equal(groupFiles(other), groupFiles(one))
  const { monitors, triggers } = readMade(one)
  assert.equal(
    monitors,
    triggers.map(() => 'nats.test:8222'),
  )
})

test.run()
