import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import packageJson from '../package.json'
import { composeFile } from './deployment/compose'
import { groupsOf } from './deployment/groups'
import { kubernetesFiles } from './deployment/kubernetes'
import { flagsOf } from './flags'
import { manifestOf } from './system'
import type { Tool } from './tool'

/** As the NATS chart names its servers, installed as `nats` into the namespace `nats`. */
const usualMonitor = 'nats-headless.nats.svc.cluster.local:8222'

const help = `node runtime deploy: writes what Compose and Kubernetes repeat of the manifest

  node runtime deploy                    compose.yaml, kubernetes/functions/ and kubernetes/scaling/ in deploy/
  node runtime deploy --check            writes nothing; exits 1 and says what is stale
  node runtime deploy --manifest FILE    of another manifest
  node runtime deploy --out FOLDER       elsewhere
  node runtime deploy --monitor ADDRESS  where autoscaling asks NATS; ${usualMonitor}

Each first folder of the functions' names is a group of processes. What else is in the folder is left alone.`

/** These folders hold nothing else, so what a group that is gone has left there is removed. */
const whole = ['kubernetes/functions', 'kubernetes/scaling']
const head = '# Made by node runtime deploy from the manifest; node runtime deploy makes it again.\n'

export const run: Tool = async (args, place) => {
  const { values } = flagsOf(['deploy'], args, {
    help: { type: 'boolean' },
    check: { type: 'boolean' },
    manifest: { type: 'string' },
    out: { type: 'string' },
    monitor: { type: 'string' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const { manifest, folder } = manifestOf(place, values.manifest)
  const out = values.out ?? join(folder, 'deploy')
  const groups = groupsOf(manifest)
  const image = { name: packageJson.name, version: packageJson.version }
  const monitor = values.monitor ?? usualMonitor
  const kubernetes = Object.entries(await kubernetesFiles(groups, { image, monitor }))
  const made = new Map([
    ['compose.yaml', head + (await composeFile(groups, image))],
    ...kubernetes.map(([path, text]) => [`kubernetes/${path}`, head + text] as const),
  ])
  const stale = [...made].filter(([path, text]) => textAt(join(out, path)) !== text).map(([path]) => path)
  const left = whole.flatMap((one) => filesIn(out, one)).filter((path) => !made.has(path))
  if (values.check) {
    for (const path of [...stale, ...left].sort()) {
      place.say(
        `${relative(process.cwd(), join(out, path))} is stale: run node runtime deploy and commit what it writes`,
      )
    }
    return stale.length + left.length > 0 ? 1 : 0
  }
  for (const path of stale) write(join(out, path), made.get(path) as string)
  for (const path of left) rmSync(join(out, path))
  place.say(`${groups.length} groups: ${groups.map(({ name }) => name).join(', ')}`)
  return 0
}

const textAt = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)

function filesIn(out: string, folder: string): string[] {
  const path = join(out, folder)
  return existsSync(path) ? readdirSync(path).map((name) => `${folder}/${name}`) : []
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
