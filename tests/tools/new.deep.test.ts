import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { copyProject, type Project } from '../build/project'
import { suite } from '../support/suite'

const test = suite('npm run new')

const scaffold = (project: Project, ...args: string[]) =>
  execa('node', ['runtime', 'new', ...args], { cwd: project.folder, reject: false })

let made: Promise<Project> | undefined
/** A copy in which each mode has got a function, as typed. */
function start(): Promise<Project> {
  made ??= (async () => {
    const project = copyProject()
    await execa('cp', ['-r', 'testing', project.folder])
    await project.build()
    for (const args of [
      ['payment/audit', '--subject', 'events.payment_captured', '--mode', 'stream'],
      ['loyalty/points', '--subject', 'jobs.add_points', '--mode', 'job'],
      ['weather/ask', '--subject', 'rpc.ask_weather', '--mode', 'rpc', '--queue', 'sky'],
      ['weather/hear', '--subject', 'events.*', '--mode', 'event'],
      ['admin/page', '--mode', 'http'],
    ]) {
      const { exitCode, stderr } = await scaffold(project, ...args)
      assert.is(exitCode, 0, stderr)
      assert.is((await project.build()).exitCode, 0, args.join(' '))
    }
    return project
  })()
  return made
}

test('writes a function for each mode that the build takes, with its contract where there was none', async () => {
  const project = await start()
  const { functions } = JSON.parse(project.read('manifest.json'))
  const entry = (name: string) => functions.find((one: { name: string }) => one.name === name)
  assert.equal([entry('payment/audit').mode, entry('payment/audit').subject], ['stream', 'events.payment_captured'])
  assert.equal([entry('loyalty/points').queue, entry('weather/ask').queue], ['loyalty', 'sky'])
  assert.match(project.read('functions/loyalty/_contract.ts'), /'jobs\.add_points': message\(object\(\{\}\)\),/)
  assert.match(project.read('functions/weather/_contract.ts'), /'rpc\.ask_weather': request\(/)
  assert.is(project.files().has('functions/admin/_contract.ts'), false)
})

test('what it writes compiles, and is formatted as the rest', async () => {
  const project = await start()
  for (const part of ['tests', 'bench', 'biome.json', '.gitignore']) {
    await execa('cp', ['-rn', part, project.folder])
  }
  const options = { cwd: project.folder, reject: false } as const
  const written = [...project.files().keys()].filter((path) => /(payment.audit|loyalty|weather|admin)/.test(path))
  const sources = written.filter((path) => path.endsWith('.ts') && !path.startsWith('dist'))
  assert.is(sources.length, 12, sources.join())
  const types = await execa('node_modules/.bin/tsc', ['--noEmit'], options)
  assert.is(types.exitCode, 0, types.stdout)
  const lint = await execa('node_modules/.bin/biome', ['check', '--vcs-enabled=false', ...sources], options)
  assert.is(lint.exitCode, 0, lint.stdout + lint.stderr)
})

/** What the runner says of the tests of these functions. */
async function tested(project: Project, ...names: string[]): Promise<string> {
  const { stdout } = await execa('node', ['testing/run.mjs', ...names.map((name) => `tests/functions/${name}`)], {
    cwd: project.folder,
    reject: false,
    env: { SEED: '' },
  })
  return stdout
}

test('the tests that it writes pass as they stand where it wrote the contract, and ask for a body elsewhere', async () => {
  const project = await start()
  assert.match(await tested(project, 'loyalty', 'weather_ask', 'admin'), /^3 passed, 0 failed$/m)
  const refused = await tested(project, 'payment_audit')
  assert.match(refused, /^0 passed, 1 failed$/m)
  assert.match(refused, 'order_id is required')
})

test('the tests that it writes fail where the handler does', async () => {
  const project = await start()
  const paths = ['loyalty/points', 'weather/ask', 'admin/page'].map((name) => `functions/${name}.ts`)
  const before = paths.map((path) => project.read(path))
  for (const [index, path] of paths.entries()) {
    project.write(path, (before[index] as string).replace('=> {\n', "=> {\n  if (config) throw new Error('broken')\n"))
  }
  const said = await tested(project, 'loyalty', 'weather_ask', 'admin')
  for (const [index, path] of paths.entries()) project.write(path, before[index] as string)
  assert.match(said, /^0 passed, 3 failed$/m, said)
})

test('a contract that is there gets the subject, and the tree builds', async () => {
  const project = copyProject()
  await project.build()
  const { exitCode, stdout } = await scaffold(
    project,
    ...['payment/check', '--subject', 'events.payment_checked', '--mode', 'stream'],
  )
  assert.is(exitCode, 0)
  assert.match(stdout, /^added to functions\/payment\/_contract\.ts$/m)
  assert.match(stdout, /^ {2}say in functions\/payment\/_contract\.ts what events\.payment_checked carries$/m)
  assert.match(
    project.read('functions/payment/_contract.ts'),
    /,\n {2}'events\.payment_checked': message\(object\(\{\}\)\),\n\}\n$/,
  )
  const built = await project.build()
  assert.is(built.exitCode, 0, built.stderr)
})

test('a tree that does not build is no hindrance', async () => {
  const project = copyProject()
  await project.build()
  project.write('functions/payment/broken.ts', 'export default (')
  const npm = await execa('npm', ['run', 'new', '--', 'payment/page', '--mode', 'http'], {
    cwd: project.folder,
    reject: false,
  })
  assert.is(npm.exitCode, 0, npm.stderr)
  assert.match(npm.stdout, /^wrote functions\/payment\/page\.ts$/m)
})

test('the first function of a system is written where there is none, and its test passes', async () => {
  const project = copyProject()
  project.remove('functions')
  project.write('functions/.gitkeep', '')
  await execa('cp', ['-r', 'testing', project.folder])
  const built = await project.build()
  assert.is(built.exitCode, 0, built.stderr)
  assert.match(built.stdout, /^next: functions\/ has none yet; npm run new -- --help writes the first$/m)
  const written = await scaffold(project, 'desk/ask', '--subject', 'rpc.ask', '--mode', 'rpc')
  assert.is(written.exitCode, 0, written.stderr)
  assert.is((await project.build()).exitCode, 0)
  assert.match(await tested(project, 'desk_ask'), /^1 passed, 0 failed$/m)
})

test('--manifest writes for a system in a folder of its own', async () => {
  const project = copyProject()
  await execa('cp', ['-r', 'testing', project.folder])
  project.write('desk/functions/.gitkeep', '')
  assert.is((await project.build('desk')).exitCode, 0)
  const args = ['mail/take', '--subject', 'rpc.take', '--mode', 'rpc', '--manifest', 'desk/manifest.json']
  const { exitCode, stdout, stderr } = await scaffold(project, ...args)
  assert.is(exitCode, 0, stderr)
  assert.match(stdout, /^ {2}node build\.mjs desk && node testing\/run\.mjs tests\/desk\/mail_take$/m)
  assert.is((await project.build('desk')).stderr, '')
  const ran = await execa('node', ['testing/run.mjs', 'tests/desk'], { cwd: project.folder, reject: false })
  assert.match(ran.stdout, /^1 passed, 0 failed$/m)
})

for (const [args, line] of [
  [[], /^NAME: one name, as payment\/audit/],
  [['audit', '--mode', 'http'], /^NAME: a folder and a name/],
  [['payment/../x', '--mode', 'http'], /^NAME: a folder and a name/],
  [['payment/_x', '--mode', 'http'], /^NAME: a folder and a name/],
  [['payment/audit'], /^--mode: one of rpc, event, job, stream, http, not nothing$/],
  [['payment/audit', '--mode', 'queue'], /^--mode: one of .*, not queue$/],
  [['payment/audit', '--mode', 'stream'], /^--subject: a subject as events\.payment_captured, not nothing$/],
  [['payment/audit', '--mode', 'stream', '--subject', 'other.thing'], /^--subject: other\.thing is in no stream/],
  [['payment/audit', '--mode', 'job', '--subject', 'jobs.*'], /^--subject: job takes one subject, not jobs\.\*$/],
  [['payment/audit', '--mode', 'rpc', '--subject', 'rpc.x', '--queue', 'a b'], /^--queue: /],
  [['payment/capture', '--mode', 'http'], /^NAME: functions\/payment\/capture\.ts is there already$/],
] as const) {
  test(`${args.join(' ') || 'nothing'}: one line, exit code 2, nothing written`, async () => {
    const { exitCode, stderr } = await execa('node', ['runtime', 'new', ...args], { reject: false })
    assert.is(exitCode, 2)
    assert.match(stderr, line)
    assert.is(stderr.split('\n').length, 1)
    assert.throws(() => readFileSync(join('functions', 'payment', 'audit.ts')))
  })
}

test.run()
