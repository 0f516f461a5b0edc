import { delimiter, resolve } from 'node:path'
import { debianPackage } from './debian'
import { cached, type Executable, firstUsable, keep, type Machine, program } from './executable'
import { officialRelease, pinned } from './release'

export interface Step {
  name: string
  /** Rejects with one line that says why it has none. */
  find(machine: Machine): Promise<Executable>
}

export interface LadderOptions extends Partial<Machine> {
  cacheDir: string
  log: (line: string) => void
  steps?: Step[]
}

/** Finds or gets a nats-server that runs here, cheapest way first; nothing is installed into the system. */
export async function findBinary(options: LadderOptions): Promise<Executable & { how: string }> {
  const { env, platform, arch } = process
  const machine = { env, platform, arch, ...options, cacheDir: resolve(options.cacheDir) }
  const tried: string[] = []
  for (const { name, find } of options.steps ?? steps) {
    try {
      return { ...(await find(machine)), how: name }
    } catch (error) {
      const line = `${name}: ${(error as Error).message.replaceAll(/\s*\n\s*/g, ' ')}`
      options.log(line)
      tried.push(`  ${line}`)
    }
  }
  throw new Error(`no nats-server was found, and none could be fetched:\n${tried.join('\n')}\n${advice}`)
}

export const steps: Step[] = [
  { name: 'PATH', find: (machine) => firstUsable(programsIn(pathFolders(machine.env), machine)) },
  { name: 'system folders', find: (machine) => firstUsable(programsIn(machine.systemFolders ?? sbin, machine)) },
  { name: 'cache', find: (machine) => firstUsable([cached(machine)]) },
  { name: 'official release', find: officialRelease },
  { name: 'Debian package', find: debianPackage },
  { name: 'go install', find: goInstall },
]

/** Debian's place for it, which is not on the PATH of an ordinary user. */
const sbin = ['/usr/sbin', '/usr/local/sbin']

const advice = `Install one (brew install nats-server, apt install nats-server, scoop install nats-server, or
https://nats.io/download), put nats-server on the PATH, or set NATS_URL to a server that runs already.`

/** An empty entry of PATH means the current folder, which nothing should be run from by accident. */
function pathFolders(env: NodeJS.ProcessEnv): string[] {
  return (env.PATH ?? env.Path ?? '').split(delimiter).filter(Boolean)
}

function programsIn(folders: string[], machine: Machine): string[] {
  return folders.map((folder) => program(folder, machine))
}

function goInstall(machine: Machine): Promise<Executable> {
  return keep(machine, async (folder, run) => {
    const source = `github.com/nats-io/nats-server/v2@v${pinned}`
    // On its own, so that a network that is not there is told within seconds.
    await run('go', ['mod', 'download', source], 30)
    machine.log('go install: compiling, for up to three minutes')
    await run('go', ['install', source], 180, { GOBIN: folder })
    return program(folder, machine)
  })
}
