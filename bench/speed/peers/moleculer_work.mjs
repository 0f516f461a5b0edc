// What one writes with Moleculer as its guide shows: a service with a channel on the JetStream stream WORK, 64 at once.
import { Middleware as Channels } from '@moleculer/channels'
import { ServiceBroker } from 'moleculer'

const broker = new ServiceBroker({
  // Part of the subject that the consumer delivers to.
  nodeID: 'bench',
  logger: false,
  middlewares: [
    Channels({
      adapter: {
        type: 'NATS',
        options: {
          maxInFlight: 64,
          nats: {
            connectionOptions: { servers: process.env.NATS_URL, noAsyncTraces: true },
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
