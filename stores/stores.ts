import type { Ports } from '../runtime/context'
import type { Connection } from '../runtime/nats/connection'
import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from './kv'
import type { Tables } from './postgres/tables'
import { openRecents } from './recent'
import type { Seen } from './record'
import { within } from './within'

/** Opens each bucket where it is kept: in its table, where a database has one, or else in JetStream. */
export function openStores(js: JetStream, connection: Connection, tables: Tables | undefined): Ports['store'] {
  const recents = openRecents<Seen>()
  connection.onStatus(recents.clear)
  return (bucket, left) =>
    tables?.has(bucket) ? tables.store(bucket, left) : kvStore(within(js, left), bucket, recents.of(bucket))
}
