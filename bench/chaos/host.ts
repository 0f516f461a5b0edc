import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where a slot's processes run, and how they reach the broker's side of their link. */
export interface TestHost {
  /** What is put before node's own command. */
  prefix: string[]
  /** The address on which this side listens for it, and the one on which it listens itself. */
  here: string
  there: string
  /** Takes it off the network, and puts it back; undefined where it has no network of its own. */
  off?(): Promise<void>
  on?(): Promise<void>
  remove(): Promise<void>
}

/** A network namespace with a cable of its own, made as root on Linux; processes in it can be cut off for real. */
export async function openTestHost(index: number): Promise<TestHost> {
  const name = `chaos${process.pid}-${index}`
  const [cable, end] = [`c${process.pid % 100_000}h${index}`, `c${process.pid % 100_000}n${index}`]
  const net = `198.18.${index}`
  const ip = (...args: string[]) => run('ip', args)
  await ip('netns', 'add', name)
  try {
    await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', end, 'netns', name)
    await ip('addr', 'add', `${net}.1/30`, 'dev', cable)
    await ip('link', 'set', cable, 'up')
    await ip('-n', name, 'addr', 'add', `${net}.2/30`, 'dev', end)
    await ip('-n', name, 'link', 'set', end, 'up')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
  } catch (error) {
    await ip('netns', 'del', name)
    throw error
  }
  const leave = () => execFileSync('ip', ['netns', 'del', name])
  process.once('exit', leave)
  return {
    prefix: ['ip', 'netns', 'exec', name],
    here: `${net}.1`,
    there: `${net}.2`,
    off: async () => void (await ip('link', 'set', cable, 'down')),
    on: async () => void (await ip('link', 'set', cable, 'up')),
    async remove() {
      process.off('exit', leave)
      await ip('netns', 'del', name)
    },
  }
}

/** No host of its own: this machine's loopback. */
export const loopback: TestHost = { prefix: [], here: '127.0.0.1', there: '127.0.0.1', remove: async () => {} }

/** Whether this machine lets us make network namespaces. */
export const canIsolate = async (): Promise<boolean> => {
  const host = await openTestHost(0).catch(() => undefined)
  await host?.remove()
  return host !== undefined
}
