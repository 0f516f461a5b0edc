import { type Logger, pino } from 'pino'

/**
 * JSON lines on stdout, each written before the next step: of one that is on its way at the end the library would wait
 * for good where nobody reads any more.
 */
export const openLog = (level: string): Logger =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 1, sync: true }),
  )
