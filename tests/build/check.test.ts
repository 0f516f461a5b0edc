import * as assert from 'uvu/assert'
import { suite } from '../support/suite'
import { points } from './points'
import { changed, copyProject, type Project } from './project'

const test = suite('node build.mjs --check')

const stale: { what: string; file: string; change(project: Project): void }[] = [
  {
    what: 'a manifest.json that was edited',
    file: 'manifest.json',
    change: (project) => project.write('manifest.json', project.read('manifest.json').replace('64', '65')),
  },
  {
    what: 'a manifest.json that lacks a function',
    file: 'manifest.json',
    change: (project) => project.write('functions/loyalty/points.ts', points),
  },
  { what: 'no manifest.json', file: 'manifest.json', change: (project) => project.remove('manifest.json') },
  {
    what: 'a functions/_contracts.ts that was edited',
    file: 'functions/_contracts.ts',
    change: (project) => project.write('functions/_contracts.ts', `${project.read('functions/_contracts.ts')}\n`),
  },
  {
    what: 'a functions/_contracts.ts that lacks a service',
    file: 'functions/_contracts.ts',
    change: (project) => project.write('functions/loyalty/_contract.ts', 'export default {}\n'),
  },
]

test('--check exits 1 and names what is stale, and leaves it so', async () => {
  const project = copyProject()
  const fresh = project.files()
  for (const { what, file, change } of stale) {
    change(project)
    const before = project.files()
    const { exitCode, stderr } = await project.build('--check')
    assert.is(exitCode, 1, what)
    assert.match(stderr, new RegExp(`^${file.replaceAll('.', '\\.')} is stale: run node build\\.mjs`), what)
    assert.equal(changed(before, project.files()), [], what)
    for (const path of changed(fresh, before)) {
      const text = fresh.get(path)
      if (text === undefined) project.remove(path)
      else project.write(path, text)
    }
  }
  const { exitCode, stdout } = await project.build('--check')
  assert.is(exitCode, 0)
  assert.match(stdout, 'nothing is stale')
  assert.equal(changed(fresh, project.files()), [], 'and passes what is fresh, writing nothing')
})

test.run()
