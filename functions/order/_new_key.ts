import { randomUUID } from 'node:crypto'

// Under half of the ten minutes for which the broker knows a message's id, so that clocks may differ by the rest.
const newMs = 4 * 60_000
const form = /^new-(\d{13})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A key for a caller who has none: it tells when it was made. */
export const newKey = (): string => `new-${Date.now()}-${randomUUID()}`

/** Whether the broker still knows all that was ever asked with it, so that its repeats are found out without a look. */
export const isNew = (key: string): boolean => Math.abs(ageOf(key)) <= newMs

/** Whether it tells a time to come: used by then already, it would pass for new once more. */
export const isAhead = (key: string): boolean => ageOf(key) < -newMs

const ageOf = (key: string): number => Date.now() - Number(form.exec(key)?.[1])
