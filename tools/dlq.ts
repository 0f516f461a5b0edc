import { setTimeout as sleep } from 'node:timers/promises'
import { traceId } from '../observe/trace'
import { traceparent } from '../runtime/envelope'
import { asError, configuration, isAway } from '../runtime/errors'
import { invoke, type Outcome } from '../runtime/invoke'
import { flagsOf, numberOf } from './flags'
import { asFirst, type Found, findLetter, type Letter, letterAt, lettersOf, removeLetter } from './letters'
import { type Link, linked, manifestOf, ownFunction } from './system'
import type { Place, Tool } from './tool'

const help = `node runtime dlq: what could not be handled

  node runtime dlq ls [--function NAME] [--json]    one a line, oldest first
  node runtime dlq show ID                          why, how often, its headers and its bytes
  node runtime dlq redrive ID…                      hands it again to the function that could not handle it
  node runtime dlq redrive --all | --function NAME
  node runtime dlq drop ID…                         gives it up

  --rate N           redrive at most N a second
  --manifest FILE    another manifest

Redrive runs that one function in this command's process, with this command's environment, and sends what it emits;
the letter is removed only after that. Exit codes: 0, 1 where one could not be handled again, 2 wrong usage.`

export const run: Tool = async (args, place) => {
  const { values, positionals } = flagsOf(['dlq'], args, {
    help: { type: 'boolean' },
    json: { type: 'boolean' },
    all: { type: 'boolean' },
    function: { type: 'string' },
    rate: { type: 'string' },
    manifest: { type: 'string' },
  })
  const [verb, ...ids] = positionals
  if (values.help) {
    place.say(help)
    return 0
  }
  if (verb === 'ls') return linked(place, (link) => list(link, place, values))
  const named = ids.length > 0
  if (verb === 'show' && ids.length === 1) return linked(place, (link) => show(link, place, ids[0] as string))
  if (verb === 'drop' && named) return linked(place, (link) => drop(link, place, ids))
  if (verb === 'redrive' && named !== (values.all === true || values.function !== undefined)) {
    const rate = numberOf('--rate', values.rate) ?? Number.POSITIVE_INFINITY
    return linked(place, (link) => redrive(link, place, { ...values, ids, rate }))
  }
  throw configuration(
    'dlq: ls, show ID, redrive ID… (or --all, or --function NAME) or drop ID…; see node runtime dlq --help',
  )
}

async function list(link: Link, { say }: Place, { json, function: name }: { json?: boolean; function?: string }) {
  let count = 0
  for await (const letter of lettersOf(link, name)) {
    if (json) say(JSON.stringify(letter))
    else {
      if (count === 0) say(row('ID', 'time', 'attempts', 'function', 'reason'))
      say(row(String(letter.id), letter.time, String(letter.attempts), letter.function, letter.reason.slice(0, 100)))
    }
    count++
  }
  if (!json) say(count === 0 ? 'There are no dead letters.' : `${count} dead letters`)
  return 0
}

const row = (id: string, time: string, attempts: string, name: string, reason: string) =>
  [id.padEnd(6), time.padEnd(24), attempts.padStart(8), name.padEnd(24), reason].join('  ').trimEnd()

async function show(link: Link, { say }: Place, id: string): Promise<number> {
  const { letter, data } = await letterAt(link, id)
  const trace = letter.headers[traceparent]
  say(`id        ${letter.id}
function  ${letter.function}
time      ${letter.time}
attempts  ${letter.attempts}
reason    ${letter.reason}
message   ${letter.subject}, ${letter.stream} ${letter.seq}
trace     ${trace ? traceId(trace) : '-'}

headers
${Object.entries(letter.headers)
  .map(([name, value]) => `  ${name}: ${value}`)
  .join('\n')}

${data.length} bytes${isText(data) ? '' : ', not UTF-8, as base64'}
${isText(data) ? Buffer.from(data) : Buffer.from(data).toString('base64')}

stack
${letter.stack}`)
  return 0
}

const isText = (data: Uint8Array) => Buffer.from(Buffer.from(data).toString()).equals(data)

async function drop(link: Link, { say }: Place, ids: string[]): Promise<number> {
  for (const id of ids) {
    const { letter } = await letterAt(link, id)
    await removeLetter(link, letter)
    say(`${id} dropped: ${letter.function}, ${letter.reason}`)
  }
  return 0
}

interface Redrive {
  ids: string[]
  rate: number
  function?: string
  manifest?: string
}

async function redrive(link: Link, place: Place, { ids, rate, function: name, manifest: file }: Redrive) {
  const handle = handlerOf(link, place, file)
  // What was named wrongly is told before anything is done.
  for (const id of ids) await letterAt(link, id)
  const count = { handled: 0, stay: 0, gone: 0 }
  for (const id of ids.length > 0 ? ids : await idsOf(link, name)) {
    const began = Date.now()
    const { ending, line } = await again(link, id, handle)
    count[ending]++
    place.say(`${id} ${line}`)
    await sleep(Math.max(0, 1_000 / rate - (Date.now() - began)))
  }
  const gone = count.gone > 0 ? `, ${count.gone} gone` : ''
  place.say(`${count.handled} handled, ${count.stay} stay${gone}`)
  return count.stay > 0 ? 1 : 0
}

type Handle = (letter: Letter, data: Uint8Array) => Promise<string | undefined>

/** One letter; whatever becomes of it, the next ones have their turn. */
async function again(link: Link, id: string, handle: Handle) {
  let found: Found | undefined
  try {
    found = await findLetter(link, id)
  } catch (error) {
    if (isAway(error)) throw error
    return { ending: 'stay', line: `stays: ${asError(error).message}` } as const
  }
  if (!found) return { ending: 'gone', line: 'is gone: another command has handled or dropped it' } as const
  const { letter, data } = found
  const why = await handle(letter, data)
  if (why !== undefined) return { ending: 'stay', line: `${letter.function}: stays: ${why}` } as const
  await removeLetter(link, letter)
  return { ending: 'handled', line: `${letter.function}: handled` } as const
}

/** Those that are there now: what fails again does not come round again. */
async function idsOf(link: Link, name: string | undefined): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of lettersOf(link, name)) ids.push(String(id))
  return ids
}

/** Hands a letter to its function; resolves with why it stays, or with nothing once all that it emitted is durable. */
function handlerOf(link: Link, place: Place, file: string | undefined): Handle {
  const { manifest, folder } = manifestOf(place, file)
  const loaded = new Map<string, ReturnType<typeof ownFunction>>()
  return async (letter, data) => {
    const entry = manifest.functions.find((one) => one.name === letter.function)
    if (!entry) return 'the manifest has no such function'
    try {
      const own = loaded.get(entry.name) ?? ownFunction(entry, manifest, folder, link, place.env)
      loaded.set(entry.name, own)
      const { fn, ports } = await own
      const { outcome } = await invoke(fn, [asFirst(letter, data)], ports)
      if (outcome.kind !== 'returned') return reasonOf(outcome)
      await Promise.all(outcome.emitted.map((emission) => ports.send(emission)))
      return undefined
    } catch (error) {
      return asError(error).message
    }
  }
}

export function reasonOf(outcome: Exclude<Outcome, { kind: 'returned' }>): string {
  if (outcome.kind === 'refused') return `refused, ${outcome.rejection.message}`
  if (outcome.kind === 'later') return `it asks to come again after ${outcome.ms} ms`
  return `${outcome.kind}, ${outcome.error.message}`
}
