import { readFileSync } from 'node:fs'
import { nextTraceparent, sampleNew } from '../observe/trace'
import { type Data, decode, errorCode, errorText, idempotencyKey, timeLeft, traceparent } from '../runtime/envelope'
import { configuration, isAway } from '../runtime/errors'
import { flagsOf, numberOf } from './flags'
import { linked } from './system'
import type { Tool } from './tool'

const help = `node runtime call SUBJECT [JSON]: one request, the reply on stdout

  node runtime call rpc.check_inventory '{"sku":"espresso-beans"}'
  node runtime call SUBJECT -      reads the JSON from stdin

  --timeout MS    how long to wait, 5000 unless told
  --key KEY       the Idempotency-Key to send

Exit codes: 0 a reply, 1 an error reply or none, 2 a usage or configuration error.`

export const run: Tool = async (args, place) => {
  const { values, positionals } = flagsOf(['call'], args, {
    help: { type: 'boolean' },
    timeout: { type: 'string' },
    key: { type: 'string' },
  })
  if (values.help) return said(place.say, help)
  const [subject, json = '{}', ...more] = positionals
  if (!subject || more.length > 0) throw configuration('call: one subject and one JSON; see node runtime call --help')
  if (/[\s*>]/.test(subject)) throw configuration(`SUBJECT: not a subject to ask: ${subject}`)
  const data = bytes(json === '-' ? readFileSync(0, 'utf8') : json)
  const timeoutMs = numberOf('--timeout', values.timeout) ?? 5_000
  // Whom it asks may export spans, and nobody here can tell.
  sampleNew()
  return linked(place, async ({ ask }) => {
    const headers = {
      [timeLeft]: String(timeoutMs),
      [traceparent]: nextTraceparent(),
      ...(values.key !== undefined && { [idempotencyKey]: values.key }),
    }
    try {
      const reply = await ask(subject, data, { timeoutMs, headers })
      const { [errorCode]: code, [errorText]: text } = reply.headers()
      place.say(oneLine(reply.data))
      if (code === undefined) return 0
      return failed(`${code}: ${text ?? 'no reason given'}`)
    } catch (error) {
      if (isAway(error)) return failed(error.message)
      throw error
    }
  })
}

function bytes(json: string): Uint8Array {
  try {
    JSON.parse(json)
  } catch (error) {
    throw configuration(`JSON: ${(error as Error).message}`)
  }
  return Buffer.from(json)
}

function oneLine(data: Data): string {
  try {
    return JSON.stringify(decode(data))
  } catch {
    return Buffer.from(data).toString()
  }
}

function failed(line: string): number {
  process.stderr.write(`${line}\n`)
  return 1
}

function said(say: (text: string) => void, text: string): number {
  say(text)
  return 0
}
