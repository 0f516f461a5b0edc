import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Manifest } from '../../runtime/manifest'
import { nodeRuntime } from '../support/node_runtime'
import { atEnd, suite } from '../support/suite'

const test = suite('node runtime, before it runs anything')

// Nothing answers there: what these calls say needs no server.
const nowhere = { NATS_URL: 'nats://127.0.0.1:1' }
const manifest = async () => JSON.parse(await readFile('manifest.json', 'utf8')) as Manifest

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'usage-'))
  atEnd(() => rm(path, { recursive: true, force: true }))
  return path
}

for (const flag of ['--help', '-h']) {
  test(`${flag} tells every option`, async () => {
    const { exitCode, stdout, stderr } = await nodeRuntime([flag])
    assert.equal([exitCode, stderr], [0, ''])
    for (const option of ['--only', '--except', '--manifest', '--embedded', '--list', '--version']) {
      assert.match(stdout, option)
    }
  })
}

test('--version tells the version of the package', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  assert.equal(await nodeRuntime(['--version']), { exitCode: 0, stdout: version, stderr: '' })
})

/** What is there for a replay alone never runs. */
const live = async () => (await manifest()).functions.filter(({ policy }) => policy.replay !== 'only')

const named = (text: string) => text.split('\n').map((line) => line.split(/ +/)[0] as string)

test('--list tells name, mode, subject and queue of every function that would run, one a line', async () => {
  const { exitCode, stdout } = await nodeRuntime(['--list'], nowhere)
  const functions = await live()
  assert.is(exitCode, 0)
  assert.equal(
    stdout.split('\n').map((line) => line.trimEnd().split(/ +/)),
    functions.map(({ name, mode, subject = '-', queue = '-' }) => [name, mode, subject, queue]),
  )
})

for (const [args, chosen] of [
  [['--only', 'order'], (name: string) => name.startsWith('order/')],
  [['--only', 'order/create'], (name: string) => name === 'order/create'],
  [['--only', 'order/create,payment'], (name: string) => name === 'order/create' || name.startsWith('payment/')],
  [['--only', '*'], () => true],
  [['--only', 'order/*'], (name: string) => name.startsWith('order/')],
  [['--except', 'gateway'], (name: string) => !name.startsWith('gateway/')],
  [
    ['--only', 'order,payment', '--except', 'order/create'],
    (name: string) => name !== 'order/create' && /^(order|payment)\//.test(name),
  ],
] as const) {
  test(`--list ${args.join(' ')} leaves those alone`, async () => {
    const { exitCode, stdout } = await nodeRuntime(['--list', ...args], nowhere)
    const names = (await live()).map(({ name }) => name)
    assert.is(exitCode, 0)
    assert.equal(named(stdout), names.filter(chosen))
  })
}

for (const flag of ['--only', '--except']) {
  test(`${flag} with a name that selects nothing lists the names there are`, async () => {
    const { exitCode, stdout, stderr } = await nodeRuntime([flag, 'order,nobody'], nowhere)
    const names = (await manifest()).functions.map(({ name }) => name)
    assert.equal([exitCode, stdout], [2, ''])
    assert.is(stderr, `${flag}: no function is named «nobody»; there are ${names.join(', ')}`)
  })
}

for (const [args, complaint] of [
  [['--only', 'payment/track'], '--only: payment/track is there for node runtime replay alone'],
  [['--nope'], "Unknown option '--nope'; see node runtime --help"],
  [
    ['serve'],
    'serve: no such command; there are call, deploy, dev, dlq, new, provision, replay, tail; see node runtime --help',
  ],
  [['--only'], "Option '--only <value>' argument missing; see node runtime --help"],
  [['--only', 'order', '--except', 'order'], '--except: leaves no function to run'],
  [['--manifest', 'nowhere.json'], '--manifest: cannot read nowhere.json; node build.mjs makes manifest.json'],
] as const) {
  test(`${args.join(' ')} is a usage error in one line`, async () => {
    assert.equal(await nodeRuntime([...args], nowhere), { exitCode: 2, stdout: '', stderr: complaint })
  })
}

for (const [what, change, complaint] of [
  ['is no JSON', () => '{', /JSON/],
  ['has no list of functions', (all: Manifest) => ({ ...all, functions: {} }), /#\/functions /],
  [
    'has a mode that there is not',
    (all: Manifest) => ({ ...all, functions: [{ ...all.functions[0], mode: 'topic' }] }),
    /#\/functions\/0\/mode must be one of/,
  ],
  [
    'names a function twice',
    (all: Manifest) => ({ ...all, functions: [all.functions[0], all.functions[0]] }),
    /#\/functions\/1 \(.*\): name stands twice/,
  ],
  [
    'has a stream function whose subject no stream carries',
    (all: Manifest) => ({ ...all, streams: {} }),
    /#\/functions\/\d+ \(.*\): config.subject \S+ is in no stream/,
  ],
] as const) {
  test(`a manifest that ${what} is refused by file and field`, async () => {
    const path = join(await folder(), 'broken.json')
    const changed = change(await manifest())
    await writeFile(path, typeof changed === 'string' ? changed : JSON.stringify(changed))
    const { exitCode, stdout, stderr } = await nodeRuntime(['--manifest', path], nowhere)
    assert.equal([exitCode, stdout], [2, ''])
    assert.ok(stderr.startsWith(`${path}: `), stderr)
    assert.match(stderr, complaint)
    assert.is(stderr.split('\n').length, 1)
  })
}

test('a manifest without a function runs none, and says what to do', async () => {
  const path = join(await folder(), 'empty.json')
  await writeFile(path, JSON.stringify({ ...(await manifest()), functions: [] }))
  const { exitCode, stderr } = await nodeRuntime(['--manifest', path], nowhere)
  assert.is(exitCode, 2)
  assert.match(stderr, /^--manifest: it lists no function; write one, as npm run new -- --help says, and build$/)
})

test('a manifest whose bundles are not there is refused by the file that is missing', async () => {
  const path = join(await folder(), 'manifest.json')
  await copyFile('manifest.json', path)
  const { exitCode, stderr } = await nodeRuntime(['--manifest', path], nowhere)
  assert.is(exitCode, 2)
  assert.match(stderr, /^dist\/contracts\.mjs cannot be loaded; node build\.mjs makes it: /)
})

test('before the build it says what to run', async () => {
  const path = await folder()
  await mkdir(join(path, 'runtime'))
  for (const file of ['start.mjs', 'package.json']) await copyFile(join('runtime', file), join(path, 'runtime', file))
  assert.equal(await nodeRuntime([], nowhere, path), {
    exitCode: 2,
    stdout: '',
    stderr: 'The runtime is not built yet: run node build.mjs first (npm start does it by itself).',
  })
})

test.run()
