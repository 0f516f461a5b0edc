// Runs one of the programs in bench/, each in a folder of its own with a main.ts.
//   node bench/run.mjs rolling --rounds 3
// A nats-server is found as npm start finds one; NATS_SERVER names another.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const [name = ''] = process.argv.splice(2, 1)
const source = join(root, 'bench', name, 'main.ts')
if (!name || !existsSync(source)) {
  console.error(`bench/run.mjs: no program is named «${name}»; each is a folder of bench/ with a main.ts`)
  process.exit(2)
}
const out = join(root, 'dist/bench', name, 'main.mjs')
await build({
  entryPoints: [source],
  outfile: out,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
})
process.chdir(root)
await import(pathToFileURL(out).href)
