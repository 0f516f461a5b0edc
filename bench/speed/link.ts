import { openConnection } from '../../runtime/nats/connection'
import { type JetStream, openJetStream } from '../../runtime/nats/jetstream'
import { openMux } from '../../runtime/nats/mux'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** The runtime's JetStream over a connection of its own. */
export async function openLink(natsUrl: string): Promise<{ js: JetStream; close(): Promise<void> }> {
  const connection = await openConnection({ NATS_URL: natsUrl }, 'bench', quiet)
  return { js: openJetStream(openMux(connection), { leaderReads: false }), close: connection.close }
}
