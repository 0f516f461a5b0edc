import type { JetStreamManager } from 'nats'
import { canonical } from './json'

/** Canonical JSON of every record in a bucket, by its key; read without the runtime. */
export async function recordsOf(jsm: JetStreamManager, bucket: string): Promise<Record<string, string>> {
  const { state } = await jsm.streams.info(`KV_${bucket}`, { subjects_filter: '>' })
  const records: Record<string, string> = {}
  for (const subject of Object.keys(state.subjects ?? {}).sort()) {
    const { data } = await jsm.streams.getMessage(`KV_${bucket}`, { last_by_subj: subject })
    records[subject.replace(`$KV.${bucket}.`, '')] = canonical(JSON.parse(Buffer.from(data).toString()))
  }
  return records
}
