import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { measure, median } from '../../bench/speed/figure'
import { get, load, post } from '../../bench/speed/http_load'
import { percentile } from '../../bench/speed/latency'
import { lineOf, overRuns, table } from '../../bench/speed/table'
import { suite } from '../support/suite'

const test = suite('how the speed is measured')

test('contenders take turns, and the ratio is that of the medians', async () => {
  const turns: string[] = []
  const of = (name: string, rates: number[]) => ({
    name,
    async round() {
      turns.push(name)
      return rates.shift() as number
    },
  })
  const contenders = [of('ours', [30, 10, 20]), of('theirs', [5, 4, 8])]
  const result = await measure({ name: 'x', unit: 'a/s', contenders, toReach: { theirs: 5 }, end: async () => {} }, 3)
  assert.equal(turns, ['ours', 'theirs', 'ours', 'theirs', 'ours', 'theirs'])
  assert.equal(result.medians, { ours: 20, theirs: 5 })
  assert.equal(result.ratios, { theirs: 4 })
  const [line] = overRuns([lineOf(result)])
  assert.is(line?.met, false)
  assert.is(line?.detail, 'ours 20 (10–30); theirs 5.00 (4.00–8.00) a/s')
  assert.match(table(overRuns([lineOf(result)])), '| x, over theirs | 4.00× | ≥ 5× **not met** |')
})

test('of several runs the median is told, with the least and the most', () => {
  const run = (value: number) => [
    { what: 'x', value, unit: ' MiB', most: 90 },
    { what: 'y', value },
  ]
  const lines = overRuns([run(80), run(95), run(85)])
  assert.equal(
    lines.map(({ value, met }) => [value, met]),
    [
      [85, true],
      [85, undefined],
    ],
  )
  assert.match(table(lines), '| x | 85 MiB (80–95) | ≤ 90 MiB |')
})

test('the median and the percentile are of the sorted values', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 2, 3]), 2.5)
  assert.is(percentile([5, 1, 4, 2, 3], 0.99), 5)
  assert.is(percentile([5, 1, 4, 2, 3], 0.4), 3)
})

test('the load sends each request once, reads whole answers, and fails at one that is not the one expected', async () => {
  const seen: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push(`${request.method} ${request.url} ${body}`)
    response.statusCode = request.url === '/no' ? 404 : 200
    response.end('x'.repeat(100_000))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const bodies: number[] = []
    const took = await load({
      url,
      connections: 3,
      count: 20,
      expected: 200,
      request: (n) => post(`/${n}`, 'é'),
      async after(body) {
        bodies.push(body.length)
      },
    })
    assert.is(took.length, 20)
    assert.ok(took.every((ms) => ms > 0))
    assert.equal(seen.toSorted(), Array.from({ length: 20 }, (_, n) => `POST /${n} é`).toSorted())
    assert.equal(bodies, Array(20).fill(100_000))
    const refused = load({ url, connections: 1, count: 1, expected: 200, request: () => get('/no') })
    assert.match(String(await refused.catch((error: Error) => error.message)), /answered HTTP\/1\.1 404/)
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

test.run()
