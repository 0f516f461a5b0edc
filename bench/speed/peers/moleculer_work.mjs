// What one writes with Moleculer as its guide shows: a service with a channel on the JetStream stream WORK; with a number
// as its argument, so many messages at once and no traces, in place of what the package sets by itself, which is one.
import { Middleware as Channels } from '@moleculer/channels'
import { ServiceBroker } from 'moleculer'

const [atOnce] = process.argv.slice(2).map(Number)

const broker = new ServiceBroker({
  // Part of the subject that the consumer delivers to.
  nodeID: 'bench',
  logger: false,
  middlewares: [
    Channels({
      adapter: {
        type: 'NATS',
        options: {
          ...(atOnce && { maxInFlight: atOnce }),
          nats: {
            connectionOptions: { servers: process.env.NATS_URL, noAsyncTraces: atOnce !== undefined },
            // There already, so that the adapter's attempt to add it changes nothing.
            streamConfig: { name: 'WORK', subjects: ['work.*'] },
            consumerOptions: { config: { deliver_policy: 'all' } },
          },
        },
      },
    }),
  ],
})

broker.createService({
  name: 'work',
  channels: {
    'work.item': {
      // The durable's name, as that of the others.
      group: 'task__handle',
      async handler(item) {
        const js = broker.channelAdapter.client
        await js.publish('done.item', JSON.stringify(item), { msgID: `done:${item.n}` })
      },
    },
  },
})

await broker.start()
console.log('{"msg":"running"}')
