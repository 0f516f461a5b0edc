import { configuration } from '../runtime/errors'
import type { FunctionEntry, Manifest } from '../runtime/manifest'

/** The functions that `--only` and `--except` leave to run live; a name that selects nothing is an error listing the names there are. */
export function select(manifest: Manifest, only: string | undefined, except: string | undefined): FunctionEntry[] {
  if (manifest.functions.length === 0) {
    throw configuration('--manifest: it lists no function; write one, as npm run new -- --help says, and build')
  }
  const kept = only === undefined ? manifest.functions : picked(manifest, '--only', only)
  const left = except === undefined ? [] : picked(manifest, '--except', except)
  const selected = kept.filter((entry) => entry.policy.replay !== 'only' && !left.includes(entry))
  if (selected.length > 0) return selected
  const none =
    except === undefined
      ? `--only: ${only} is there for node runtime replay alone`
      : '--except: leaves no function to run'
  throw configuration(none)
}

/** As `select`; of none there are none, for whoever waits for the first. */
export const selectAny = (manifest: Manifest, { only, except }: { only?: string; except?: string }): FunctionEntry[] =>
  manifest.functions.length === 0 ? [] : select(manifest, only, except)

function picked(manifest: Manifest, flag: string, list: string): FunctionEntry[] {
  const patterns = list.split(',').map((name) => name.trim())
  for (const pattern of patterns) {
    if (!manifest.functions.some((entry) => isNamed(entry, pattern))) {
      const names = manifest.functions.map(({ name }) => name).join(', ')
      throw configuration(`${flag}: no function is named «${pattern}»; there are ${names}`)
    }
  }
  return manifest.functions.filter((entry) => patterns.some((pattern) => isNamed(entry, pattern)))
}

function isNamed({ name, queue }: FunctionEntry, pattern: string): boolean {
  const form = new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`)
  return (
    pattern !== '' &&
    (form.test(name) ||
      form.test(name.split('/')[0] as string) ||
      form.test(queue ?? '') ||
      name.startsWith(`${pattern}/`))
  )
}
