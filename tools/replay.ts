import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivered } from '../connect/delivered'
import type { Ports } from '../runtime/context'
import { configuration } from '../runtime/errors'
import { type Incoming, invoke, type LoadedFunction, type Outcome } from '../runtime/invoke'
import { streamOf } from '../runtime/manifest'
import { asIncoming } from '../runtime/modes/mode'
import { reasonOf } from './dlq'
import { flagsOf, numberOf } from './flags'
import { historyOf } from './history'
import { functionNamed, linked, manifestOf, ownFunction } from './system'
import type { Tool } from './tool'

const help = `node runtime replay FUNCTION: hands one stream function its history again, in this command's process

  --from-seq N       from this sequence of its stream on
  --since TIME       from this time on: ISO 8601, or as 90s, 15m, 2h, 3d ago
  --order ID         only messages with a field of this value
  --emit             sends what it emits; without it that is dropped
  --manifest FILE    another manifest

It reads what the stream holds now, one after the other, and leaves the function's own durable alone; what the function
asks of others is asked; one that it puts off for later does not come again. A function that decides or acts
(replay: 'never' in its config) is refused: others fold what it decided. Exit codes: 0, 1 where a message was refused
or failed, 2 wrong usage.`

const awayMs = 500
const reasonsTold = 5
const tellMs = 5_000

export const run: Tool = async (args, place) => {
  const { values, positionals } = flagsOf(['replay'], args, {
    help: { type: 'boolean' },
    'from-seq': { type: 'string' },
    since: { type: 'string' },
    order: { type: 'string' },
    emit: { type: 'boolean' },
    manifest: { type: 'string' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const [name, ...more] = positionals
  if (!name || more.length > 0) throw configuration('replay: one function; see node runtime replay --help')
  const fromSeq = numberOf('--from-seq', values['from-seq'])
  const since = values.since === undefined ? undefined : timeOf(values.since)
  if (fromSeq && since) throw configuration('replay: --from-seq or --since, not both')
  const { manifest, folder } = manifestOf(place, values.manifest)
  const entry = functionNamed(manifest, name)
  if (entry.mode !== 'stream') throw configuration(`FUNCTION: ${name} is ${entry.mode}; only a stream has a history`)
  if (entry.policy.replay === 'never') {
    throw configuration(`FUNCTION: ${name} decides or acts, and a replay would do that again; see docs/operations.md`)
  }
  const { stream, whole } = streamOf(manifest, entry.subject as string) as { stream: string; whole: boolean }

  return linked(place, async (link) => {
    const { fn, ports: own } = await ownFunction(entry, manifest, folder, link, place.env)
    const ports: Ports = { ...(values.emit ? own : withoutSending(own)), replaying: true }
    const count = { handled: 0, refused: 0, failed: 0, later: 0 }
    const told = setInterval(() => process.stderr.write(`${JSON.stringify(count)}\n`), tellMs)
    try {
      for await (const delivered of historyOf(link, {
        stream,
        filter: whole ? undefined : entry.subject,
        fromSeq,
        since,
      })) {
        if (values.order !== undefined && !isAbout(delivered, values.order)) continue
        const outcome = await handle(
          fn,
          asIncoming(delivered.arrived, { attempt: 1, seq: delivered.seq }, stream),
          ports,
        )
        count[outcome.kind === 'returned' ? 'handled' : outcome.kind]++
        if (outcome.kind === 'returned' || outcome.kind === 'later') continue
        if (count.refused + count.failed > reasonsTold) continue
        process.stderr.write(`${stream} ${delivered.seq}: ${reasonOf(outcome)}\n`)
      }
    } finally {
      clearInterval(told)
    }
    const later = count.later > 0 ? `, ${count.later} put off` : ''
    place.say(`${count.handled} handled, ${count.refused} refused, ${count.failed} failed${later}`)
    return count.refused + count.failed > 0 ? 1 : 0
  })
}

type Ended = Exclude<Outcome, { kind: 'away' }>

/** Runs the function once, and again while something is away. */
async function handle(fn: LoadedFunction, incoming: Incoming, ports: Ports): Promise<Ended> {
  for (;;) {
    const { outcome } = await invoke(fn, [incoming], ports)
    if (outcome.kind === 'returned') {
      await Promise.all(outcome.emitted.map((emission) => ports.send(emission)))
    }
    if (outcome.kind !== 'away') return outcome
    await sleep(awayMs)
  }
}

const withoutSending = (ports: Ports): Ports => ({
  ...ports,
  send: async () => undefined,
  publish: async ({ body }) => ({ seq: 0, duplicate: true, stored: body }),
})

function isAbout({ arrived }: Delivered, id: string): boolean {
  try {
    return Object.values(JSON.parse(Buffer.from(arrived.data).toString()) as object).includes(id)
  } catch {
    return false
  }
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function timeOf(text: string): string {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const time = unit ? new Date(Date.now() - Number(count) * (unitMs[unit] as number)) : new Date(text)
  if (Number.isNaN(time.getTime())) throw configuration(`--since: a time as 2026-01-30T12:00:00Z or 2h, not ${text}`)
  return time.toISOString()
}
