// Loaded before the runtime (node --import): ends the process at one of its failpoints, or notes which it passes.
//   FAILPOINT='store orders|after|2'   the second time that it has stored an order
//   FAILPOINT_LOG=FILE                 a line for each point that is passed, once
import { appendFileSync } from 'node:fs'

const [wanted, side, hit = '1'] = (process.env.FAILPOINT ?? '').split('|')
const log = process.env.FAILPOINT_LOG
const seen = new Set()
let hits = 0

// What is sent without an answer is on its way only a moment later.
const flushedMs = 20
const unanswered = /^(ack|reply) /

globalThis[Symbol.for('deliveryflow.failpoint')] = (name, when) => {
  if (log && !seen.has(name)) {
    seen.add(name)
    appendFileSync(log, `${name}\n`)
  }
  if (name !== wanted || when !== side || ++hits !== Number(hit)) return
  const end = () => process.kill(process.pid, 'SIGKILL')
  if (when === 'after' && unanswered.test(name)) setTimeout(end, flushedMs)
  else end()
}
