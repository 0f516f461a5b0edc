import { type Data, messageId } from '../runtime/envelope'
import { configuration } from '../runtime/errors'
import type { Arrived } from '../runtime/nats/connection'
import { flagsOf, numberOf } from './flags'
import { linked } from './system'
import type { Tool } from './tool'

const help = `node runtime tail SUBJECT: prints what passes on a subject, from now on

  node runtime tail 'events.*'

  --count N    ends after so many
  --json       one JSON object a line

It hears what NATS Core carries, which is every event of a stream too, and changes nothing. What the stream drops as a
repeat is heard all the same.`

export const run: Tool = async (args, place) => {
  const { values, positionals } = flagsOf(['tail'], args, {
    help: { type: 'boolean' },
    count: { type: 'string' },
    json: { type: 'boolean' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const [subject, ...more] = positionals
  if (!subject || more.length > 0) throw configuration('tail: one subject; see node runtime tail --help')
  const most = numberOf('--count', values.count) ?? Number.POSITIVE_INFINITY
  return linked(place, async ({ connection }) => {
    let seen = 0
    const over = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
      connection.subscribe(subject, (arrived) => {
        if (seen >= most) return
        place.say(values.json ? JSON.stringify(asObject(arrived)) : asLine(arrived))
        if (++seen === most) resolve()
      })
    })
    await connection.flush(5_000)
    await connection.refuseDenied()
    process.stderr.write(`listening on ${subject}\n`)
    await over
    return 0
  })
}

function asObject(arrived: Arrived) {
  let headers: Record<string, string> | undefined
  try {
    headers = arrived.headers()
  } catch {
    // Malformed: what is left of the message is shown all the same.
  }
  return { time: new Date().toISOString(), subject: arrived.subject, headers, body: bodyOf(arrived.data) }
}

function asLine(arrived: Arrived): string {
  const { time, subject, headers, body } = asObject(arrived)
  const id = headers === undefined ? '(malformed headers)' : (headers[messageId] ?? '-')
  return [time, subject, id, typeof body === 'string' ? body : JSON.stringify(body)].join('  ')
}

function bodyOf(data: Data): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString())
  } catch {
    return Buffer.from(data)
      .toString()
      .replaceAll(/[\r\n]+/g, ' ')
  }
}
