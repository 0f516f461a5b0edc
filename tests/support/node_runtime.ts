import { execa } from 'execa'

export interface Ended {
  exitCode: number | undefined
  stdout: string
  stderr: string
}

/** `node runtime` to its end, with nothing in its environment but what is given; killed after 15 s. */
export async function nodeRuntime(args: string[], env: Record<string, string> = {}, cwd?: string): Promise<Ended> {
  const { exitCode, stdout, stderr } = await execa('node', ['runtime', ...args], {
    cwd,
    reject: false,
    extendEnv: false,
    timeout: 15_000,
    killSignal: 'SIGKILL',
    env: { PATH: process.env.PATH, HTTP_ADDR: '127.0.0.1:0', ...env },
  })
  return { exitCode, stdout, stderr }
}
