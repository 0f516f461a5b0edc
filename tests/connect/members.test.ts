import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as assert from 'uvu/assert'
import { type Member, Members } from '../../connect/members'
import { inTime } from '../../runtime/in_time'
import { Life } from '../../runtime/life'
import { openGate } from '../../runtime/modes/gate'
import type { Arrived, Connection } from '../../runtime/nats/connection'
import { openMux } from '../../runtime/nats/mux'
import type { Run } from '../../runtime/run'
import { seeded } from '../support/random'
import { suite } from '../support/suite'

const test = suite('what is under way')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

test('members come and go as those of a Set do', () =>
  seeded((random) => {
    const [members, set] = [new Members<Member & { n: number }>(), new Set<Member & { n: number }>()]
    const known: (Member & { n: number })[] = []
    for (let n = 0; n < 5_000; n++) {
      const one = random.chance(0.5) || known.length === 0 ? { n } : random.one(known)
      if (!set.has(one) && random.chance(0.6)) {
        known.push(one)
        members.add(one)
        set.add(one)
      } else assert.is(members.delete(one), set.delete(one))
      assert.is(members.has(one), set.has(one))
      assert.is(members.size, set.size)
    }
    assert.equal(
      members
        .all()
        .map(({ n }) => n)
        .sort((one, other) => one - other),
      [...set].map(({ n }) => n).sort((one, other) => one - other),
    )
  }))

const rounds = 20_000
const atOnce = 64
const bytesEach = 1_000
const filling = Buffer.alloc(bytesEach, 'x')

/** How many bytes of what came and went the collector of young objects leaves behind, where what it passed through is old. */
async function leftBehind(through: { begin(ballast: string): unknown; end(one: unknown): unknown }): Promise<number> {
  // A text, since arrays that live for long once are made among the old ones from then on.
  const ballast = () => filling.toString('latin1')
  const underWay: unknown[] = []
  const one = async (last = false) => {
    if (!last) underWay.push(through.begin(ballast()))
    if (last || underWay.length > atOnce) await through.end(underWay.shift())
  }
  for (let n = 0; n < atOnce; n++) await one()
  collect()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < rounds; n++) await one()
  while (underWay.length > 0) await one(true)
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  return process.memoryUsage().heapUsed - before
}

const few = (rounds * bytesEach) / 10

test('a Set that is old keeps what passed through it: this is what is measured', async () => {
  const set = new Set<object>()
  const kept = await leftBehind({
    begin(ballast) {
      const one = { ballast }
      set.add(one)
      return one
    },
    end: (one) => set.delete(one as object),
  })
  assert.ok(kept > few, `${kept} bytes`)
})

test('members that have gone are kept by nothing', async () => {
  const members = new Members<Member & { ballast: string }>()
  const kept = await leftBehind({
    begin(ballast) {
      const one = { ballast }
      members.add(one)
      return one
    },
    end: (one) => members.delete(one as Member & { ballast: string }),
  })
  assert.ok(kept < few, `${kept} bytes`)
})

test('nor are requests that were answered', async () => {
  let take = (_: Arrived) => {}
  const replies: string[] = []
  const ask = openMux({
    inbox: '_INBOX.x',
    connected: () => true,
    publish: (_: string, __: unknown, { reply = '' } = {}) => void replies.push(reply),
    subscribe(_: string, callback: (arrived: Arrived) => void) {
      take = callback
      return { drain: async () => undefined }
    },
    onStatus: () => () => undefined,
    onDenied: () => undefined,
  } as unknown as Connection)
  const kept = await leftBehind({
    begin: (ballast) => ask('x', '', { timeoutMs: 60_000 }).then(() => ballast),
    end(asked) {
      take({ subject: replies.shift(), data: 'x' } as Arrived)
      return asked
    },
  })
  assert.ok(kept < few, `${kept} bytes`)
})

test('nor handlers that have ended', async () => {
  const gate = openGate()
  const kept = await leftBehind({
    begin(ballast) {
      const run = Object.assign(new Life(), { deadline: Number.POSITIVE_INFINITY, trace: '', ballast })
      const passing = { run, asked: false }
      gate.begin(passing)
      let end = () => {}
      const ended = inTime(run as unknown as Run, () => new Promise<void>((resolve) => (end = resolve)))
      return { ended, end, passing }
    },
    async end(one) {
      const { ended, end, passing } = one as {
        ended: Promise<void>
        end(): void
        passing: Parameters<typeof gate.end>[0]
      }
      end()
      await ended
      gate.end(passing)
    },
  })
  assert.ok(kept < few, `${kept} bytes`)
})

test.run()
