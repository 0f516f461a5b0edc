import { randomBytes } from 'node:crypto'

// Drawn once for the process: a draw for each write would cost as much as the rest of it.
const process = randomBytes(9).toString('base64url')
let count = 0

/** The id of one write, which no other write of any process has. */
export const nextOperation = (): string => `${process}${(++count).toString(36)}`
