import { suite as uvuSuite } from 'uvu'
import { endWith } from './ends'

type Test = () => unknown

interface Suite {
  (name: string, test: Test): void
  run(): void
}

// uvu exits 0 for a forgotten run() and for `throw null`: what was registered and what passed is counted here instead.
let registered = 0
let ended = 0
let passed = 0
const closers: (() => unknown)[] = []

/** uvu's `suite`, counted; without hooks, since one that throws would pass for success: a test starts what it needs. */
export function suite(name: string): Suite {
  const inner = uvuSuite(name)
  const register = (title: string, test: Test) => {
    registered++
    inner(title, async () => {
      try {
        await test()
        passed++
      } catch (thrown) {
        throw thrown instanceof Error ? thrown : new Error(`thrown, not an error: ${String(thrown)}`)
      } finally {
        if (++ended === registered) await closeAll()
      }
    })
  }
  return Object.assign(register, { run: () => inner.run() })
}

/** Ends something when the file's last test has ended, whatever became of it; the last opened goes first. */
export function atEnd(close: () => unknown): void {
  closers.push(close)
}

endWith(atEnd)

async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) {
    await Promise.resolve()
      .then(close)
      .catch((error) => console.error('closing failed:', error))
  }
}

process.on('exit', () => {
  process.stdout.write(`\ncounted ${JSON.stringify({ registered, passed })}\n`)
  if (passed !== registered || registered === 0) process.exitCode = 1
})
