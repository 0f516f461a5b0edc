import * as assert from 'uvu/assert'
import { isAway } from '../../runtime/errors'
import type { JetStream, PublishOptions } from '../../runtime/nats/jetstream'
import { openLedger } from '../../stores/ledger'
import { ledgerWithin, within } from '../../stores/within'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('what is asked for within a time')

/** A broker that is empty, and answers appends when the test says so. */
function broker() {
  const appended: number[][] = []
  const budgets: (number | undefined)[] = []
  let sent: Record<string, string> = {}
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const js = {
    api: async (_subject: string, _body?: object, budgetMs?: number) => void budgets.push(budgetMs) as never,
    async read(_stream: string, _which: object, budgetMs?: number) {
      budgets.push(budgetMs)
      return appended.length > 0 ? { seq: appended.length, data: new Uint8Array(), headers: sent } : undefined
    },
    async readBody(_stream: string, _subject: string, budgetMs?: number) {
      budgets.push(budgetMs)
      return ''
    },
    async publish(_subject: string, data: Uint8Array, { budgetMs, headers = {} }: PublishOptions) {
      budgets.push(budgetMs)
      sent = headers as Record<string, string>
      appended.push((JSON.parse(Buffer.from(data).toString()) as { decisions: number[] }).decisions)
      await gate
      return { seq: appended.length, duplicate: false }
    },
  } satisfies JetStream
  return { js, appended, budgets, release: () => release() }
}

const numbers = { fold: () => undefined }
const awayOf = (asked: Promise<unknown>) => asked.then(() => false, isAway)

test('one whose time is over fails alone: the append that carries others goes on', async () => {
  const { js, appended, release } = broker()
  const ledger = openLedger<number, number>(js, 'counts', numbers)
  const first = ledger.decide(
    () => 1,
    () => 'first',
  )
  await eventually('an append', () => appended.length === 1)
  const short = ledgerWithin(ledger, () => 20).decide(
    () => 2,
    () => 'short',
  )
  const patient = ledgerWithin(ledger, () => 10_000).decide(
    () => 3,
    () => 'patient',
  )
  assert.is(await awayOf(short), true)
  release()
  assert.equal(await Promise.all([first, patient]), ['first', 'patient'])
  // It had not been decided when its time was over, and then is not decided any more.
  assert.equal(appended, [[1], [3]])
})

test('each call has what is left then, and no more than it would have had', async () => {
  const { js, budgets, release } = broker()
  release()
  let left = 100
  const bounded = within(js, () => left)
  await bounded.api('INFO')
  left = 50
  await bounded.read('S', { seq: 1 })
  await bounded.readBody('S', 's')
  await bounded.publish('s', Buffer.from('{"decisions":[]}'), { budgetMs: 10 })
  left = 60_000
  await bounded.publish('s', Buffer.from('{"decisions":[]}'), {})
  assert.equal(budgets, [100, 50, 50, 10, 20_000])
})

test.run()
