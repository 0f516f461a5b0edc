import { openConnection } from '../../runtime/nats/connection'
import { type JetStream, openJetStream } from '../../runtime/nats/jetstream'
import { openMux } from '../../runtime/nats/mux'
import type { Broker } from './broker'
import { silent } from './silent'
import { atEnd } from './suite'

/** The runtime's JetStream over a connection of its own, as another process would have one. */
export async function connectJetStream({ url }: Pick<Broker, 'url'>, leaderReads = false): Promise<JetStream> {
  const connection = await openConnection({ NATS_URL: url }, 'test', silent)
  atEnd(() => connection.close())
  return openJetStream(openMux(connection), { leaderReads })
}
