import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { freePort } from './broker'
import { atEnd } from './suite'
import { eventually } from './wait'

/** Three servers on loopback that share their streams, once they can; ended with the test file. */
export async function startCluster(): Promise<{ url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'cluster-'))
  const children: ChildProcess[] = []
  atEnd(async () => {
    for (const child of children) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  process.once('exit', () => children.forEach((child) => void child.kill('SIGKILL')))
  const names = ['one', 'two', 'three']
  const ports = await Promise.all(names.map(async () => ({ client: await freePort(), route: await freePort() })))
  const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(', ')
  for (const [index, name] of names.entries()) {
    const { client, route } = ports[index] as (typeof ports)[number]
    const path = join(folder, `${name}.conf`)
    await writeFile(
      path,
      `server_name: ${name}
listen: 127.0.0.1:${client}
jetstream { store_dir: "${join(folder, name)}", max_mem: 64MB, max_file: 1GB }
cluster { name: C, listen: 127.0.0.1:${route}, routes: [${routes}] }
`,
    )
    children.push(spawn(process.env.NATS_SERVER as string, ['-c', path], { stdio: 'ignore' }))
  }
  const url = ports.map(({ client }) => `nats://127.0.0.1:${client}`).join(',')
  await eventually('the cluster to make a stream of three', () => makesStreams(url), 60_000)
  return { url }
}

/** JetStream has a leader, and three servers to place on. */
async function makesStreams(url: string): Promise<boolean> {
  try {
    const nc = await connect({ servers: url.split(','), timeout: 1_000, reconnect: false })
    try {
      const jsm = await nc.jetstreamManager({ timeout: 2_000 })
      await jsm.streams.add({ name: 'PROBE', subjects: ['probe'], num_replicas: 3 })
      return await jsm.streams.delete('PROBE')
    } finally {
      await nc.close()
    }
  } catch {
    return false
  }
}
