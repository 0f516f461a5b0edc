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
  for (const part of ['tests', 'testing', 'bench', 'biome.json', '.gitignore']) {
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

test('the tests that it writes pass as they stand', async () => {
  const project = await start()
  const { stdout } = await execa('node', ['tests/run.mjs', 'tests/functions'], {
    cwd: project.folder,
    reject: false,
    env: { SEED: '' },
  })
  assert.match(stdout, /^5 passed, 0 failed$/m, stdout)
})

test('a contract that is there is not touched; what to add to it is told', async () => {
  const project = copyProject()
  await project.build()
  const before = project.read('functions/payment/_contract.ts')
  const { exitCode, stdout } = await scaffold(
    project,
    ...['payment/check', '--subject', 'events.payment_checked', '--mode', 'stream'],
  )
  assert.is(exitCode, 0)
  assert.match(
    stdout,
    /_contract\.ts is there already; add to what it exports:\n\n {2}'events\.payment_checked': message/,
  )
  assert.is(project.read('functions/payment/_contract.ts'), before)
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
