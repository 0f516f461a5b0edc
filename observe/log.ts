import { type Logger, pino } from 'pino'

// What is alone is seen at once, before whatever comes next of the same turn of the event loop.
const momentMs = 5
const mostLength = 16_384
const mostKept = 1024 * 1024

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
    gathering(patient()),
  )

interface Destination {
  write(text: string): unknown
}

const mayWait = /^{"level":"(info|debug|trace)"/

/**
 * Lines of one turn of the event loop are one write, where others came a moment before: each write costs as much as what
 * its line tells of. Warnings and errors go out at once, with what was said before them; once the process ends by itself, all does.
 */
function gathering(destination: Destination): Destination {
  let lines = ''
  let isScheduled = false
  let hasEnded = false
  let writtenAt = 0

  const write = () => {
    isScheduled = false
    if (lines === '') return
    const text = lines
    lines = ''
    destination.write(text)
    writtenAt = performance.now()
  }
  process.once('exit', () => {
    hasEnded = true
    write()
  })

  return {
    write(line) {
      lines += line
      const isMuch = lines.length >= mostLength
      if (isMuch || hasEnded || !mayWait.test(line) || performance.now() - writtenAt > momentMs) return write()
      if (!isScheduled) setImmediate(write)
      isScheduled = true
    },
  }
}

/** Keeps what cannot be written, as on a disk that is full, and tries it again first; what is too much then is dropped. */
function patient(): Destination {
  let isStuck = false
  let kept = 0
  const stdout = pino.destination({ dest: 1, sync: true }).on('error', () => {
    isStuck = true
  })
  const attempt = (text: string) => {
    isStuck = false
    stdout.write(text)
    kept = isStuck ? kept + text.length : 0
  }

  return {
    write(text) {
      if (kept > 0) attempt('')
      if (kept === 0 || kept + text.length <= mostKept) attempt(text)
    },
  }
}
