// `node runtime` runs this file; the runtime itself is TypeScript, built by build.mjs.
import { existsSync } from 'node:fs'

const built = new URL('../dist/runtime/main.mjs', import.meta.url)
if (!existsSync(built)) {
  process.stderr.write('The runtime is not built yet: run node build.mjs first (npm start does it by itself).\n')
  process.exit(2)
}
process.setSourceMapsEnabled(true)
await import(built)
