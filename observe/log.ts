import { type Logger, pino } from 'pino'

// What is alone is seen at once, before whatever comes next of the same turn of the event loop.
const momentMs = 5
const mostLength = 16_384

/**
 * JSON lines on stdout, written before the next step: of one that is on its way at the end the library would wait for good
 * where nobody reads any more.
 */
export const openLog = (level: string): Logger =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    gathering(stdout()),
  )

// Kept for when it can be written again, as on a disk that is full; nothing ends for the lines that are too many.
const mostKept = 1024 * 1024
const stdout = () => pino.destination({ dest: 1, sync: true, maxLength: mostKept }).on('error', () => {})

interface Destination {
  write(text: string): unknown
}

/**
 * Lines of one turn of the event loop are one write, where others came a moment before: each write costs as much as what
 * its line tells of. All that was said is out once the process ends by itself.
 */
function gathering(destination: Destination): Destination {
  let lines = ''
  let isScheduled = false
  let writtenAt = 0

  const write = () => {
    isScheduled = false
    if (lines === '') return
    const text = lines
    lines = ''
    destination.write(text)
    writtenAt = performance.now()
  }
  process.once('exit', write)

  return {
    write(line) {
      lines += line
      if (lines.length >= mostLength || performance.now() - writtenAt > momentMs) return write()
      if (!isScheduled) setImmediate(write)
      isScheduled = true
    },
  }
}
