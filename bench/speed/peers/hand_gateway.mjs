// What one writes by hand with node:http and the client: no framework, nothing validated, bodies passed on as they are.
import { createServer } from 'node:http'
import { connect } from 'nats'

const nc = await connect({ servers: process.env.NATS_URL, noAsyncTraces: true })
const ask = async (subject, body) => (await nc.request(subject, body, { timeout: 5_000 })).string()

const orders = '/api/v1/orders'
const server = createServer((request, response) => {
  const answer = (status, body, headers) => {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    })
    response.end(body)
  }
  const create = async (body) => {
    const created = await ask('hand.create_order', body)
    answer(201, created, { Location: `${orders}/${JSON.parse(created).order_id}` })
  }
  const get = async (id) => {
    const known = await ask('hand.get_order_status', JSON.stringify({ order_id: id }))
    answer(JSON.parse(known).missing ? 404 : 200, known)
  }
  const failed = (error) => answer(502, JSON.stringify({ error: error.message }))

  if (request.method === 'POST' && request.url === orders) {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => create(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).catch(failed))
  } else if (request.method === 'GET' && request.url.startsWith(`${orders}/`)) {
    get(request.url.slice(orders.length + 1)).catch(failed)
  } else {
    answer(404, '{}')
  }
})

const [host, port] = (process.env.HTTP_ADDR ?? '127.0.0.1:0').split(':')
server.listen(Number(port), host, () => {
  console.log(JSON.stringify({ msg: 'running', url: `http://${host}:${server.address().port}` }))
})
