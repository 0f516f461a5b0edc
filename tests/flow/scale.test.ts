import * as assert from 'uvu/assert'
import { type App, startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { impatient } from '../support/manifest'
import { customer } from '../support/orders'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('functions in processes of their own')

test('node runtime --only order, twice beside the rest: both get work, and every order arrives', async () => {
  const broker = await startBroker()
  const rest = await startApp(broker, { args: ['--except', 'order'] })
  const debug = { args: ['--only', 'order'], env: { LOG_LEVEL: 'debug' } }
  const orders = [await startApp(broker, debug), await startApp(broker, debug)]
  const { order, reaches } = customer(rest)
  const ids: string[] = []
  const shares = () => orders.map((app) => handled(app))
  await eventually('both processes to have handled something', async () => {
    const placed = await Promise.all(Array.from({ length: 8 }, () => order({ 'paper-filters': 1 })))
    ids.push(...placed)
    return shares().every((share) => share.create > 0 && share.track > 0)
  })
  await Promise.all(ids.map((id) => reaches(id, 'assigned')))
  console.log(`shares of ${ids.length} orders: ${JSON.stringify(shares())}`)
  assert.equal(await Promise.all(orders.map((app) => app.end())), [0, 0])
})

test('one that joins takes a share, one that is killed leaves its work to the other', async () => {
  const broker = await startBroker()
  const manifest = ['--manifest', await impatient()]
  const rest = await startApp(broker, { args: [...manifest, '--except', 'inventory'] })
  const first = await startApp(broker, { args: [...manifest, '--only', 'inventory'] })
  const { order, reaches, stock } = customer(rest)
  const before = await Promise.all(Array.from({ length: 10 }, () => order({ 'paper-filters': 1 })))
  await startApp(broker, { args: [...manifest, '--only', 'inventory'] })
  const after = await Promise.all(Array.from({ length: 10 }, () => order({ 'paper-filters': 1 })))
  await first.end('SIGKILL')
  const last = await Promise.all(Array.from({ length: 10 }, () => order({ 'paper-filters': 1 })))
  const ids = [...before, ...after, ...last]
  await Promise.all(ids.map((id) => reaches(id, 'assigned')))
  assert.is((await stock('paper-filters')).reserved, ids.length)
})

const handled = (app: App) => {
  const count = (name: string) => app.log().filter(({ function: fn, msg }) => fn === name && msg === 'handled').length
  return { create: count('order/create'), track: count('order/track') }
}

test.run()
