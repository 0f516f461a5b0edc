import { parseArgs } from 'node:util'
import { configuration } from '../runtime/errors'

type Options = NonNullable<Parameters<typeof parseArgs>[0]>['options']

/** The flags and words of a command; what is wrong with them is one line that names the flag. */
export function flagsOf<O extends Options>(command: string[], args: string[], options: O) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw configuration(
      `${(error as Error).message.split(/\.\s/)[0]}; see node runtime ${[...command, '--help'].join(' ')}`,
    )
  }
}

/** A whole number that a flag was given. */
export function numberOf(flag: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text) || Number(text) < least)
    throw configuration(`${flag}: a whole number from ${least}, not ${text}`)
  return Number(text)
}
