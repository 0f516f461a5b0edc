import { setTimeout as sleep } from 'node:timers/promises'

/** What `look` finds once it finds something; looks every 10 ms and gives up, naming what it waited for, after `limitMs`. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + limitMs
  for (;;) {
    const found = await look()
    if (found) return found as NonNullable<T>
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain for: ${what}`)
    await sleep(10)
  }
}
