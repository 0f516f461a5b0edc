import { execFileSync } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite'
import { climb, inFolder, script } from './fixtures'

const test = suite('Debian package')

function comesByItself(folder: string): boolean {
  try {
    execFileSync('apt-get', ['download', 'nats-server'], { cwd: folder, stdio: 'ignore', timeout: 20_000 })
    return true
  } catch {
    console.log('left out: the Debian package for real; apt-get and its mirror would add it')
    return false
  }
}

for (const lists of ['the lists of the system', 'no lists at all']) {
  test(`comes for real with ${lists}`, () =>
    inFolder(async (folder) => {
      if (!comesByItself(folder)) return
      await writeFile(join(folder, 'apt.conf'), `Dir::State::Lists "${folder}/none";`)
      await mkdir(join(folder, 'none', 'partial'), { recursive: true })
      const env = lists.startsWith('no') ? { ...process.env, APT_CONFIG: join(folder, 'apt.conf') } : process.env
      const cacheDir = join(folder, 'cache')
      const { found, lines } = await climb(['Debian package'], { cacheDir, env })
      assert.equal(lines, [])
      assert.match(found?.version ?? '', /^2\.\d+\.\d+/)
      assert.equal(await readdir(cacheDir), [`nats-server-${process.platform}-${process.arch}`])
    }))
}

const failures = [
  { name: 'without apt-get', apt: undefined, line: 'apt-get cannot be run (ENOENT)' },
  {
    name: 'without a mirror',
    apt: 'echo E: no route >&2; exit 100',
    line: 'apt-get: E: no route',
  },
  { name: 'that brings nothing', apt: 'exit 0', line: 'apt-get brought no package' },
  { name: 'without dpkg-deb', apt: ': > a.deb', line: 'dpkg-deb cannot be run (ENOENT)' },
]

for (const { name, apt, line } of failures) {
  test(`${name} is told in one line and leaves nothing`, () =>
    inFolder(async (folder) => {
      const cacheDir = join(folder, 'cache')
      if (apt) await script(join(folder, 'bin', 'apt-get'), apt)
      const { lines } = await climb(['Debian package'], { cacheDir, env: { PATH: join(folder, 'bin') } })
      assert.equal(lines, [`Debian package: ${line}`])
      assert.equal(await readdir(cacheDir), [])
    }))
}

test.run()
