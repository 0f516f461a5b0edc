import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { atEnd, suite } from '../support/suite'

const test = suite('the example of docs/testing.md')

const [example = '', otherRunner = ''] = [
  ...readFileSync('docs/testing.md', 'utf8').matchAll(/^```ts\n(.*?)^```$/gms),
].map(([, code]) => code)

/** The code as a test file, run as the page says or with the flags of another runner. */
async function run(code: string, flags: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'example-'))
  atEnd(() => rmSync(folder, { recursive: true }))
  for (const part of [
    'functions',
    'runtime',
    'testing',
    'connect',
    'embedded',
    'stores',
    'provision',
    'observe',
    'docs',
    'node_modules',
    'package.json',
  ]) {
    symlinkSync(resolve(part), join(folder, part))
  }
  mkdirSync(join(folder, 'tests'))
  writeFileSync(join(folder, 'tests/courier.test.ts'), code)
  const outfile = join(folder, 'courier.mjs')
  const common = {
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    preserveSymlinks: true,
  } as const
  await build({ ...common, entryPoints: [join(folder, 'tests/courier.test.ts')], outfile, absWorkingDir: folder })
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise<{ failed: boolean; text: string }>((done) => {
    execFile(process.execPath, [...flags, outfile], { env }, (error, stdout) =>
      done({ failed: error !== null, text: stdout }),
    )
  })
}

test('passes as it stands', async () => {
  const { failed, text } = await run(example)
  assert.is(failed, false, text)
  assert.match(text, /^counted \{"registered":1,"passed":1\}$/m)
})

test('and fails where it expects something else', async () => {
  const { failed, text } = await run(example.replace('order.order_id)', "'another')"))
  assert.is(failed, true, text)
  assert.match(text, /^counted \{"registered":1,"passed":0\}$/m)
})

test('is formatted and linted as the rest', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'example-'))
  atEnd(() => rmSync(folder, { recursive: true }))
  cpSync('biome.json', join(folder, 'biome.json'))
  writeFileSync(join(folder, 'courier.test.ts'), example)
  const { exitCode, stderr } = await execa(
    resolve('node_modules/.bin/biome'),
    ['check', '--vcs-enabled=false', 'courier.test.ts'],
    { cwd: folder, reject: false },
  )
  assert.is(exitCode, 0, stderr)
})

test('runs by another runner with what the page has for it', async () => {
  const code = example
    .replace(/^import \{ suite \}.*\n/m, otherRunner)
    .replace(/^const test = .*\n/m, '')
    .replace('test.run()\n', '')
  const { failed, text } = await run(code, ['--test'])
  assert.is(failed, false, text)
  assert.match(text, /pass 1/)
})

test.run()
