import { configuration } from './errors'

/** A whole number from the environment, or the default; also for functions' own variables. */
export function wholeNumber(env: NodeJS.ProcessEnv, name: string, otherwise: number, least = 0, most = 1e15): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw configuration(`${name}: a whole number from ${least} to ${most}, not ${text}`)
  }
  return number
}
