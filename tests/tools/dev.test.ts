import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa, execaSync } from 'execa'
import * as assert from 'uvu/assert'
import { copyProject, type Project } from '../build/project'
import { type Broker, startBroker } from '../support/broker'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('npm run dev')

const contract = `import { integer, object } from 'superstruct'
import { message } from '../../runtime/types'

const Note = message(object({ n: integer() }), ({ n }) => String(n))
const Taken = message(object({ n: integer(), by: integer() }), ({ n }) => 'taken:' + n)

export default { 'events.noted': Note, 'events.other': Note, 'events.taken': Taken }
`

const take = (by: number, subject = 'events.noted') => `import type { Config, Handler } from '../_contracts'

export const config = { mode: 'stream', subject: '${subject}', emits: ['events.taken'] } satisfies Config

export default (async ({ n }, { emit }) => {
  emit('events.taken', { n, by: ${by} })
}) satisfies Handler<typeof config>
`

interface Dev {
  project: Project
  broker: Broker
  wire: Wire
  /** Waits until it has told a line that was not told before the call. */
  tells(line: string, act: () => void): Promise<void>
  taken(): Promise<{ n: number; by: number }[]>
}

/** A project of two functions, run by the command. */
async function start(change = (_: Project) => {}): Promise<Dev> {
  const broker = await startBroker()
  const project = copyProject()
  project.remove('functions')
  project.write('functions/_streams.ts', "export default { EVENTS: { subjects: ['events.*'] } }\n")
  project.write('functions/note/_contract.ts', contract)
  project.write('functions/note/take.ts', take(1))
  project.write('functions/note/stay.ts', take(0, 'events.other').replace('emit(', 'if (n < 0) emit('))
  change(project)
  assert.is((await project.build()).exitCode, 0)
  const child = execa('node', ['runtime', 'dev'], {
    cwd: project.folder,
    reject: false,
    extendEnv: false,
    env: { PATH: process.env.PATH, NATS_URL: broker.url, HTTP_ADDR: '127.0.0.1:0' },
  })
  atEnd(() => child.kill('SIGKILL'))
  let told = ''
  child.stderr.on('data', (chunk) => {
    told += chunk
  })
  const wire = await openWire(broker)
  const tells = async (line: string, act: () => void) => {
    const from = told.length
    act()
    await eventually(`it to tell «${line}»`, () => told.slice(from).includes(line))
  }
  await tells('watching functions', () => undefined)
  return {
    project,
    broker,
    wire,
    tells,
    taken: async () =>
      (await wire.stored('EVENTS', 'events.taken')).map(({ body }) => body as { n: number; by: number }),
  }
}

test('a changed function takes the place of the old one, alone, and no message is lost or handled twice', async () => {
  const { project, wire, tells, taken } = await start()
  let n = 0
  let feeding = true
  const feed = (async () => {
    while (feeding) {
      await wire.store('events.noted', { n: ++n })
      await sleep(10)
    }
  })()
  for (const by of [2, 3]) {
    await tells('swapped note/take', () => project.write('functions/note/take.ts', take(by)))
    const since = n
    await eventually('the new one to have handled some', async () =>
      (await taken()).some((one) => one.by === by && one.n > since),
    )
  }
  feeding = false
  await feed
  await eventually('all to be handled', async () => (await taken()).length >= n)
  const all = await taken()
  assert.equal(
    all.map((one) => one.n).toSorted((one, other) => one - other),
    Array.from({ length: n }, (_, index) => index + 1),
  )
  assert.equal([...new Set(all.map(({ by }) => by))].toSorted(), [1, 2, 3])
  const { delivered, num_redelivered } = await wire.durable('EVENTS', 'note/take')
  assert.equal([delivered.consumer_seq, num_redelivered], [n, 0])
})

test('what does not build is told, and the old one goes on; put right, it is swapped', async () => {
  const { project, wire, tells, taken } = await start()
  await tells('the functions that run go on unchanged', () =>
    project.write('functions/note/take.ts', 'export default ('),
  )
  await wire.store('events.noted', { n: 1 })
  await eventually('the old one to handle it', async () => (await taken()).length === 1)
  await tells('it builds again\nswapped note/take', () => project.write('functions/note/take.ts', take(2)))
  await wire.store('events.noted', { n: 2 })
  await eventually('the new one to handle it', async () => (await taken()).length === 2)
  assert.equal(
    (await taken()).map(({ by }) => by),
    [1, 2],
  )
})

test('one whose setup throws is told, and the old one goes on', async () => {
  const { project, wire, tells, taken } = await start()
  await tells('note/take: NOTE: is not set; it goes on unchanged', () =>
    project.write(
      'functions/note/take.ts',
      `${take(2)}export const setup = () => { throw new Error('NOTE: is not set') }\n`,
    ),
  )
  await wire.store('events.noted', { n: 1 })
  await eventually('the old one to handle it', async () => (await taken()).length === 1)
  assert.is((await taken())[0]?.by, 1)
})

test('a new file is picked up, also in a new folder; a deleted one hears nothing any more', async () => {
  const { project, wire, tells, taken } = await start()
  await tells('added more/take', () => project.write('functions/more/take.ts', take(7, 'events.other')))
  await wire.store('events.other', { n: 1 })
  await eventually('it to handle', async () => (await taken()).length === 1)
  await tells('removed more/take', () => project.remove('functions/more'))
  await wire.store('events.other', { n: 2 })
  await wire.store('events.noted', { n: 3 })
  await eventually('another to handle', async () => (await taken()).some(({ n }) => n === 3))
  assert.equal(
    (await taken()).map(({ n }) => n),
    [1, 3],
  )
})

test('another mode or subject subscribes anew; a new contract is known', async () => {
  const { project, wire, tells, taken } = await start()
  await tells('swapped note/stay', () => {
    const event = take(9, 'events.fresh').replace("mode: 'stream'", "mode: 'event'")
    project.write(
      'functions/note/_contract.ts',
      contract.replace("'events.other'", "'events.fresh': Note, 'events.other'"),
    )
    project.write('functions/note/stay.ts', event)
  })
  await wire.store('events.fresh', { n: 5 })
  await eventually('it to handle', async () => (await taken()).length === 1)
  assert.equal(await taken(), [{ n: 5, by: 9 }])
})

const path = 'functions/note/take.ts'
for (const [what, save] of [
  [
    'a rename, as editors do',
    (project: Project, text: string) => {
      project.write(`${path}~`, text)
      renameSync(join(project.folder, `${path}~`), join(project.folder, path))
    },
  ],
  [
    'sed -i',
    (project: Project, text: string) => {
      const [by] = /(?<=by: )\d+/.exec(text) ?? []
      execaSync('sed', ['-i', `s/by: [0-9]*/by: ${by}/`, path], { cwd: project.folder })
    },
  ],
  [
    'a folder in the place of the old one, as a checkout does',
    (project: Project, text: string) => {
      execaSync('cp', ['-r', 'functions/note', 'other'], { cwd: project.folder })
      project.write('other/take.ts', text)
      project.remove('functions/note')
      renameSync(join(project.folder, 'other'), join(project.folder, 'functions/note'))
    },
  ],
  [
    'functions/ made anew',
    (project: Project, text: string) => {
      execaSync('cp', ['-r', 'functions', 'other'], { cwd: project.folder })
      project.write('other/note/take.ts', text)
      project.remove('functions')
      renameSync(join(project.folder, 'other'), join(project.folder, 'functions'))
    },
  ],
] as const) {
  test(`a file that is saved by ${what} is heard each time`, async () => {
    const { project, tells } = await start()
    for (const by of [2, 3, 4]) await tells('swapped note/take', () => save(project, take(by)))
  })
}

test('each stream that differs is named, and what became of it; a function in a new one runs', async () => {
  const { project, wire, tells, taken } = await start()
  const streams = (text: string) => project.write('functions/_streams.ts', `export default { ${text} }\n`)
  await tells('stream WORK: new, and made with the next function that is added or swapped', () =>
    streams("EVENTS: { subjects: ['events.*'] }, WORK: { subjects: ['work.*'] }"),
  )
  await tells('added note/work', () => {
    project.write('functions/note/_contract.ts', contract.replace("'events.other'", "'work.do': Note, 'events.other'"))
    project.write('functions/note/work.ts', take(5, 'work.do'))
  })
  await wire.store('work.do', { n: 1 })
  await eventually('it to handle', async () => (await taken()).length === 1)
  await tells('stream WORK: changed; node runtime provision --update changes it on the server', () =>
    streams("EVENTS: { subjects: ['events.*'] }, WORK: { subjects: ['work.*', 'more.*'] }"),
  )
})

test('runs without a function, and takes up the first', async () => {
  const { project, wire, tells, taken } = await start((project) => {
    project.remove('functions/note/take.ts')
    project.remove('functions/note/stay.ts')
  })
  await tells('added note/take', () => project.write(path, take(3)))
  await wire.store('events.noted', { n: 1 })
  await eventually('it to handle', async () => (await taken()).length === 1)
  await tells('removed note/take', () => project.remove(path))
})

test('a burst of saves ends in the last one', async () => {
  const { project, wire, tells, taken } = await start()
  await tells('swapped note/take', () => {
    for (let by = 2; by <= 20; by++) project.write('functions/note/take.ts', take(by))
  })
  await wire.store('events.noted', { n: 1 })
  await eventually('it to handle', async () => (await taken()).length === 1)
  assert.is((await taken())[0]?.by, 20)
})

test.run()
