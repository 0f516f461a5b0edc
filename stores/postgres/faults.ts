import { away } from '../../runtime/errors'

interface Told {
  code?: unknown
  message?: string
}

// The link is not there, or broke: Node's codes and the driver's.
const broken = /^(E[A-Z]+|EAI_AGAIN|CONNECT_TIMEOUT|CONNECTION_\w+)$/
// SQLSTATE, whole or as a class: lost, stopping, full, read only, a deadlock, a statement that took too long.
const passing = /^(08|53|57P|57014|25006|25P0[34]|40|55P03|58)/
// What a person has to put right there: who we are, what we may do, what has been dropped.
const denied = /^(28|3D|3F|42501|42P01)/
// A pooler has one code for all that it says, of which this is what does not pass.
const refused = /unsupported|not supported|no such|auth/i

/** A fault of the database as the runtime tells them apart: what is away, nobody's poison, and all else. */
export function faultOf(error: unknown): Error {
  const { code, message = 'no reason given' } = error as Told
  const told = `PostgreSQL: ${message}`
  const text = String(code)
  if (broken.test(text)) return away('disconnected', told)
  if (!isState(text)) return typeof code === 'string' ? away('denied', told) : (error as Error)
  if (text === '08P01' && refused.test(message)) return away('denied', told)
  if (passing.test(text)) return away('unavailable', told)
  return denied.test(text) ? away('denied', told) : Object.assign(new Error(told), { code })
}

/** The server takes no writes: a standby, or one that is about to be given up. */
export const isReadOnly = (error: unknown): boolean => (error as Told).code === '25006'

const isState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code)
