// Restarts every service under load and counts what that cost.
//   npm run rolling -- --rounds 3 --orders-per-second 20 --seed 7
// A nats-server is found as npm start finds one; NATS_SERVER names another.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = join(dirname(import.meta.url), '../..')
const out = join(root, 'dist/bench/rolling/main.mjs')
await build({
  entryPoints: [join(root, 'bench/rolling/main.ts')],
  outfile: out,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
})
process.chdir(root)
await import(pathToFileURL(out).href)

function dirname(url) {
  return fileURLToPath(new URL('.', url))
}
