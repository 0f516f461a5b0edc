import { execa } from 'execa'
import type { Broker } from './broker'

/** A command of `node runtime`, to its end. */
export async function runTool(
  broker: Pick<Broker, 'url'> | undefined,
  args: string[],
  env: Record<string, string> = {},
) {
  const { exitCode, stdout, stderr } = await execa('node', ['runtime', ...args], {
    reject: false,
    extendEnv: false,
    timeout: 60_000,
    env: { PATH: process.env.PATH, ...(broker && { NATS_URL: broker.url }), ...env },
  })
  return { exitCode, stdout, stderr }
}
