import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { output } from './executable'

/** Two servers on one data folder destroy it, and 2.9 locks nothing: so each writes its pid there, and no second starts. */
export async function refuseUsed(dataDir: string): Promise<void> {
  const pid = (await readFile(pidFile(dataDir), 'utf8').catch(() => '')).trim()
  // The name too, since the pid of a dead process is soon another program's.
  if (!pid || !basename(await programOf(pid).catch(() => '')).includes('nats-server')) return
  throw new Error(`the data folder ${dataDir} is in use by the nats-server with the pid ${pid}`)
}

export function pidFile(dataDir: string): string {
  return join(dataDir, 'nats-server.pid')
}

async function programOf(pid: string): Promise<string> {
  if (process.platform === 'win32') return output('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], 5)
  if (process.platform !== 'linux') return output('ps', ['-p', pid, '-o', 'comm='], 5)
  // Empty for a process that is dead and only not yet reaped.
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')[0] ?? ''
}
