import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import * as assert from 'uvu/assert'
import { atEnd, suite } from '../support/suite'

const test = suite('the example of docs/testing.md')

/** The example as it stands on the page, changed by `change`, bundled as the page says and run by node:test. */
async function run(change: (code: string) => string) {
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(readFileSync('docs/testing.md', 'utf8')) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'example-'))
  atEnd(() => rmSync(folder, { recursive: true }))
  for (const part of [
    'functions',
    'runtime',
    'testing',
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
  writeFileSync(join(folder, 'tests/courier.test.ts'), change(code))
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
    execFile(process.execPath, ['--test', outfile], { env }, (error, stdout) =>
      done({ failed: error !== null, text: stdout }),
    )
  })
}

test('passes as it stands', async () => {
  const { failed, text } = await run((code) => code)
  assert.is(failed, false, text)
  assert.match(text, /pass 1/)
})

test('and fails where it expects something else', async () => {
  const { failed, text } = await run((code) => code.replace('order.order_id)', "'another')"))
  assert.is(failed, true, text)
  assert.match(text, /fail 1/)
})

test.run()
