// What one writes by hand with the client: a callback that answers.
import { connect } from 'nats'

const nc = await connect({ servers: process.env.NATS_URL, noAsyncTraces: true })
nc.subscribe('rpc.echo', {
  queue: 'echo',
  callback(error, message) {
    if (!error) message.respond(JSON.stringify(JSON.parse(message.string())))
  },
})
await nc.flush()
console.log('{"msg":"running"}')
