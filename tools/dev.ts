import { dirname, join, relative, resolve } from 'node:path'
import { readManifest } from '../runtime/manifest'
import { flagsOf } from './flags'
import { rebuilt } from './rebuild'
import { run as runFunctions } from './run'
import { selectAny } from './select'
import { swapper } from './swap'
import type { Tool } from './tool'
import { onChange } from './watch'

const help = `npm run dev: runs the functions and swaps those whose files change

  node runtime dev [--only …] [--except …] [--manifest FILE] [--embedded]

A changed function is built and takes the place of the old one without a restart, a new file is picked up, a deleted one
is unsubscribed; what does not build leaves all as it is. A change of runtime/ needs a restart; what became of a stream is told.`

export const run: Tool = async (args, place) => {
  const { values } = flagsOf(['dev'], args, {
    help: { type: 'boolean' },
    only: { type: 'string' },
    except: { type: 'string' },
    manifest: { type: 'string' },
    embedded: { type: 'boolean' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const path = resolve(values.manifest ?? join(place.root, 'manifest.json'))
  const folder = dirname(path)
  const manifest = readManifest(path)
  const which = { only: values.only, except: values.except }
  await runFunctions({
    manifest,
    root: folder,
    home: place.root,
    selected: selectAny(manifest, which),
    embedded: values.embedded ?? false,
    bindOnly: false,
    env: place.env,
    onRun(host, loaded) {
      const swap = swapper({ host, ...loaded, manifest, folder, say: tell })
      let builds = true
      const rebuild = serially(async () => {
        const fault = await rebuilt(place.root, folder)
        if (fault !== undefined) tell(`${fault}\nit does not build: the functions that run go on unchanged`)
        else {
          if (!builds) tell('it builds again')
          await swap(() => readManifest(path), which)
        }
        builds = fault === undefined
      })
      onChange(join(folder, 'functions'), rebuild)
      onChange(join(place.root, 'runtime'), () => tell('runtime/ has changed: that needs a restart'))
      tell(`watching ${relative(process.cwd(), join(folder, 'functions')) || '.'}`)
    },
  })
  return 0
}

/** Beside the log, which is on stdout. */
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

/** One at a time; what comes meanwhile is one more, after it. */
function serially(work: () => Promise<void>): () => void {
  let running = false
  let again = false
  const begin = async () => {
    if (running) {
      again = true
      return
    }
    running = true
    do {
      again = false
      await work().catch((error) => tell((error as Error).message))
    } while (again)
    running = false
  }
  return () => void begin()
}
