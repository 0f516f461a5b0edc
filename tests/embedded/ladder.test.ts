import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { steps } from '../../embedded/ladder'
import { suite } from '../support/suite'
import { climb, fakeServer, inFolder, script } from './fixtures'

const test = suite('ladder')
const machine = { platform: 'linux', arch: 'x64' }

test('goes from the cheapest to the dearest', () => {
  assert.equal(
    steps.map(({ name }) => name),
    ['PATH', 'system folders', 'cache', 'official release', 'Debian package', 'go install'],
  )
})

const places = [
  { rung: 'PATH', at: 'bin/nats-server' },
  { rung: 'system folders', at: 'sbin/nats-server' },
  { rung: 'cache', at: 'cache/nats-server-linux-x64' },
]

for (const { rung, at } of places) {
  const climbIn = (folder: string) =>
    climb([rung], {
      ...machine,
      cacheDir: join(folder, 'cache'),
      env: { PATH: `/nowhere::${join(folder, 'bin')}` },
      systemFolders: [join(folder, 'sbin')],
    })

  test(`${rung}: found`, () =>
    inFolder(async (folder) => {
      const path = await fakeServer(join(folder, at), '2.9.10')
      const { found, lines } = await climbIn(folder)
      assert.equal(found, { path, version: '2.9.10', how: rung })
      assert.equal(lines, [])
    }))

  test(`${rung}: none there`, () =>
    inFolder(async (folder) => {
      assert.equal((await climbIn(folder)).lines, [`${rung}: none there`])
    }))

  test(`${rung}: too old`, () =>
    inFolder(async (folder) => {
      const path = await fakeServer(join(folder, at), '2.9.9')
      const { lines } = await climbIn(folder)
      assert.equal(lines, [`${rung}: ${path} is 2.9.9, too old: 2.9.10 is the oldest that will do`])
    }))

  test(`${rung}: cannot be run`, () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, at, '..'), { recursive: true })
      await writeFile(join(folder, at), 'not executable')
      assert.equal((await climbIn(folder)).lines, [`${rung}: ${join(folder, at)} cannot be run (EACCES)`])
    }))

  test(`${rung}: fails in one line`, () =>
    inFolder(async (folder) => {
      const path = await script(join(folder, at), 'echo one >&2; echo two >&2; exit 3')
      assert.equal((await climbIn(folder)).lines, [`${rung}: ${path}: two`])
    }))
}

test('PATH: takes the next where the first is too old', () =>
  inFolder(async (folder) => {
    await fakeServer(join(folder, 'old', 'nats-server'), '1.4.1')
    const path = await fakeServer(join(folder, 'new', 'nats-server'), '2.10.0')
    const env = { PATH: `${folder}/old:${folder}/new` }
    assert.is((await climb(['PATH'], { cacheDir: folder, env })).found?.path, path)
  }))

test('goes on to the next rung where one fails', () =>
  inFolder(async (folder) => {
    await fakeServer(join(folder, 'nats-server-linux-x64'), '2.12.8')
    const { found, lines } = await climb(['PATH', 'system folders', 'cache', 'go install'], {
      ...machine,
      cacheDir: folder,
    })
    assert.is(found?.how, 'cache')
    assert.equal(lines, ['PATH: none there', 'system folders: none there'])
  }))

test('says what was tried and what a person can do where all fail', () =>
  inFolder(async (cacheDir) => {
    const names = steps.map(({ name }) => name)
    const { error, lines } = await climb(names, { cacheDir, platform: 'sunos', arch: 'x64' })
    assert.is(lines.length, names.length)
    for (const [rung, line] of lines.entries()) {
      assert.ok(line.startsWith(`${names[rung]}: `), line)
      assert.ok(error?.message.includes(`\n  ${line}\n`), line)
    }
    for (const way of ['brew', 'apt', 'scoop', 'PATH', 'NATS_URL']) assert.match(error?.message ?? '', way)
  }))

const brings = '[ "$1" = install ] && printf \'#!/bin/sh\\necho nats-server: v2.12.8\\n\' > "$GOBIN/nats-server"'
const compilers = [
  { name: 'compiles into the cache', go: `${brings} && chmod +x "$GOBIN/nats-server"; exit 0`, line: undefined },
  { name: 'without a network', go: 'echo no such host >&2; exit 1', line: 'go install: go: no such host' },
  { name: 'that does not compile', go: '[ "$1" = mod ] || { echo bad >&2; exit 1; }', line: 'go install: go: bad' },
  { name: 'that is not there', go: undefined, line: 'go install: go cannot be run (ENOENT)' },
]

for (const { name, go, line } of compilers) {
  test(`go install: ${name}`, () =>
    inFolder(async (folder) => {
      if (go) await script(join(folder, 'bin', 'go'), go)
      const cacheDir = join(folder, 'cache')
      const env = { PATH: go ? `${folder}/bin:${process.env.PATH}` : `${folder}/bin` }
      const { found, lines } = await climb(['go install'], { ...machine, cacheDir, env })
      assert.is(lines.filter((each) => !each.includes('compiling')).join(), line ?? '')
      assert.is(found?.path, line ? undefined : join(cacheDir, 'nats-server-linux-x64'))
      assert.equal(await readdir(cacheDir), line ? [] : ['nats-server-linux-x64'])
    }))
}

test.run()
