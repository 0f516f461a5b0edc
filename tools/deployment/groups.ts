import { configuration } from '../../runtime/errors'
import { consumerName, type FunctionEntry, isDurable, type Manifest, streamOf } from '../../runtime/manifest'
import { select } from '../select'

/** The functions of one folder of `functions/`, which run together as `--only NAME`. */
export interface Group {
  name: string
  functions: FunctionEntry[]
  /** Whether one of them serves HTTP. */
  serves: boolean
  durables: Durable[]
}

export interface Durable {
  function: string
  stream: string
  consumer: string
  concurrency: number
  /** Handled by one process at a time, however many there are. */
  ordered: boolean
}

/** Every live function in exactly one group; one that a second would run as well is refused. */
export function groupsOf(manifest: Manifest): Group[] {
  const live = select(manifest, undefined, undefined)
  const names = [...new Set(live.map(folderOf))].sort()
  return names.map((name) => {
    const functions = select(manifest, name, undefined)
    const foreign = functions.find((entry) => folderOf(entry) !== name)
    if (foreign) {
      throw configuration(
        `${foreign.name}: --only ${name} would run it too, since its queue is ${foreign.queue}; give it another queue`,
      )
    }
    const durables = functions.filter(isDurable).map((entry) => durableOf(manifest, entry))
    return { name, functions, serves: functions.some(({ mode }) => mode === 'http'), durables }
  })
}

const folderOf = ({ name }: FunctionEntry): string => name.split('/')[0] as string

function durableOf(manifest: Manifest, { name, subject, policy }: FunctionEntry): Durable {
  return {
    function: name,
    stream: streamOf(manifest, subject as string)?.stream as string,
    consumer: consumerName(name),
    concurrency: policy.concurrency,
    ordered: policy.ordered,
  }
}
