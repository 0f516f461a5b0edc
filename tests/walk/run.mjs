// Walks every order of what can happen to an order, deeper than the tests do, and prints how many that were.
//   npm run walk -- --only declined
//   npm run walk -- --repeat 'out of stock; create; …'   a way that broke a law
import { build } from 'esbuild'

await build({
  entryPoints: ['tests/walk/main.ts'],
  outfile: 'dist/walk.mjs',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
})
await import(new URL('../../dist/walk.mjs', import.meta.url).href)
