import { type Logger, pino } from 'pino'

/** JSON lines on stdout. */
export const openLog = (level: string): Logger =>
  pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
