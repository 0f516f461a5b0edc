// What one writes by hand with the client: nc.request, so many at once.
import { connect } from 'nats'

const nc = await connect({ servers: process.env.NATS_URL, noAsyncTraces: true })
nc.subscribe('rpc.drive', {
  queue: 'drive',
  async callback(error, message) {
    if (error) throw error
    const { count, inFlight } = message.json()
    const began = performance.now()
    let next = 0
    const one = async () => {
      while (next < count) {
        const n = next++
        const body = JSON.stringify({ n, text: 'an order as small as this' })
        const answer = (await nc.request('rpc.echo', body, { timeout: 5_000 })).json()
        if (answer.n !== n) throw new Error(`asked ${n}, answered ${answer.n}`)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
    message.respond(JSON.stringify({ ms: performance.now() - began }))
  },
})
await nc.flush()
console.log('{"msg":"running"}')
