import { openConnection } from '../../runtime/nats/connection'
import { type JetStream, openJetStream } from '../../runtime/nats/jetstream'
import { openMux } from '../../runtime/nats/mux'
import type { Log } from '../../runtime/types'
import type { Broker } from './broker'
import { atEnd } from './suite'

const nothing = () => undefined
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** The runtime's JetStream over a connection of its own, as another process would have one. */
export async function connectJetStream({ url }: Pick<Broker, 'url'>, leaderReads = false): Promise<JetStream> {
  const connection = await openConnection({ NATS_URL: url }, 'test', silent)
  atEnd(() => connection.close())
  return openJetStream(openMux(connection), { leaderReads })
}
