import * as assert from 'uvu/assert'
import type { Manifest } from '../../runtime/manifest'
import { suite } from '../support/suite'
import { points } from './points'
import { changed, copyProject, type Project } from './project'

const test = suite('node build.mjs')

async function built(): Promise<Project> {
  const project = copyProject()
  const { exitCode, stderr } = await project.build()
  assert.is(exitCode, 0, stderr)
  return project
}

const manifestOf = (project: Project) => JSON.parse(project.read('manifest.json')) as Manifest
const names = (project: Project) => manifestOf(project).functions.map(({ name }) => name)

test('a function that is dropped in stands in the manifest, and no other file is touched', async () => {
  const project = await built()
  const before = project.files()
  const known = manifestOf(project)
  project.write('functions/loyalty/points.ts', points)
  const { exitCode, stdout } = await project.build()
  assert.is(exitCode, 0)
  assert.match(stdout, `${known.functions.length + 1} functions built`)
  assert.equal(changed(before, project.files()), ['functions/loyalty/points.ts', 'manifest.json'])

  const { functions, ...rest } = manifestOf(project)
  assert.equal(
    functions.find(({ name }) => name === 'loyalty/points'),
    {
      name: 'loyalty/points',
      file: 'functions/loyalty/points.ts',
      bundle: 'dist/functions/loyalty/points.mjs',
      mode: 'stream',
      subject: 'events.delivery_completed',
      emits: [],
      requests: [],
      stores: [],
      ledgers: [],
      awaits: [],
      policy: known.functions.find(({ name }) => name === 'inventory/announce')?.policy,
    },
  )
  assert.equal({ ...rest, functions: functions.filter(({ name }) => name !== 'loyalty/points') }, known)

  project.remove('functions/loyalty')
  await project.build()
  assert.equal(changed(before, project.files()), [], 'taking it out again leaves no trace')
  assert.not.ok(project.files().has('dist/functions/loyalty/points.mjs'))
})

test('what the repository holds is what a build makes, from nothing too', async () => {
  const project = copyProject()
  const before = project.files()
  project.write('functions/_contracts.ts', '')
  project.remove('manifest.json')
  assert.is((await project.build()).exitCode, 0)
  assert.equal(changed(before, project.files()), [])
})

test('two builds give the same bytes, every bundle included, and another folder gives them too', async () => {
  const [project, elsewhere] = [await built(), await built()]
  const once = project.files()
  assert.ok([...once.keys()].some((path) => path.startsWith('dist/functions/')))
  await project.build()
  assert.equal([...project.files()], [...once])
  const [here, there] = [project, elsewhere].map(({ files }) => [...files()])
  assert.equal(there, here)
  for (const [path, text] of once)
    assert.not.ok(text.includes(project.folder), `${path} names the folder it was built in`)
})

test('the manifest is sorted: functions by name, lists and fields in the order of their letters', async () => {
  const project = copyProject()
  project.remove('manifest.json')
  await project.build()
  const { functions, streams } = manifestOf(project)
  assert.equal(names(project), names(project).toSorted())
  assert.equal(Object.keys(streams), Object.keys(streams).toSorted())
  for (const { emits, requests, stores, policy } of functions) {
    for (const list of [emits, requests, stores, Object.keys(policy)]) assert.equal(list, list.toSorted())
  }
})

test('what begins with _ or a dot is no function, nor is a declaration or another kind of file', async () => {
  const project = copyProject()
  const before = names(project)
  for (const path of [
    'functions/_drafts/points.ts',
    'functions/loyalty/_points.ts',
    'functions/loyalty/_drafts/points.ts',
    'functions/loyalty/.points.ts',
    'functions/loyalty/points.d.ts',
    'functions/loyalty/README.md',
    'functions/loyalty/points.json',
  ]) {
    project.write(path, 'this is no TypeScript')
  }
  assert.is((await project.build()).exitCode, 0)
  assert.equal(names(project), before)
})

test('functions may be deeper, or JavaScript', async () => {
  const project = copyProject()
  const plain = "export const config = { subject: 'events.order_created', mode: 'event' }\nexport default () => {}\n"
  for (const name of ['a/b/c.ts', 'd.mjs', 'e/f.js', 'g.mts']) project.write(`functions/${name}`, plain)
  const { exitCode, stderr } = await project.build()
  assert.is(exitCode, 0, stderr)
  for (const name of ['a/b/c', 'd', 'e/f', 'g']) assert.ok(names(project).includes(name), name)
})

test('an option that it does not know is a usage error', async () => {
  const { exitCode, stderr } = await copyProject().build('--chekc')
  assert.is(exitCode, 2)
  assert.match(stderr, '--chekc: not an option of build.mjs; there are --check, --failpoints and one folder')
})

test('without functions there is nothing to build, and it says where they go', async () => {
  const project = copyProject()
  project.remove('functions')
  const { exitCode, stderr } = await project.build()
  assert.is(exitCode, 1)
  assert.match(stderr, /^functions\/: there is no such folder; put function files there$/)
  const other = await project.build('desk')
  assert.is(other.stderr, 'desk/functions/: there is no such folder; put function files there')
})

test.run()
