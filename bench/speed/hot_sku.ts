import { connect, type KvEntry } from 'nats'
import { ledgerStreams } from '../../provision/needs'
import { ensureStreams } from '../../provision/streams'
import { openLedger } from '../../stores/ledger'
import type { Figure } from './figure'
import { openLink } from './link'

interface Held {
  onHand: number
  held: number
}

const contenders = 16

/** Sixteen that reserve one piece of one SKU again and again, half more than there is: nothing may be sold that is not there. */
export async function hotSku(natsUrl: string, ms: number): Promise<Figure> {
  const nc = await connect({ servers: natsUrl, noAsyncTraces: true })
  const { js, close } = await openLink(natsUrl)
  let nth = 0

  const run = async (reserve: () => Promise<boolean>): Promise<{ reserved: number; perSecond: number }> => {
    const until = performance.now() + ms
    let reserved = 0
    const one = async () => {
      while (performance.now() < until && (await reserve())) reserved++
    }
    await Promise.all(Array.from({ length: contenders }, one))
    return { reserved, perSecond: (reserved / ms) * 1_000 }
  }

  const byLedger = async (): Promise<number> => {
    const name = `hot${++nth}`
    await ensureStreams(js, ledgerStreams(name))
    const definition = {
      initial: () => [10_000_000],
      fold(table: { get(key: string): Held | undefined; set(key: string, value: Held): void }, decision: number) {
        const shelf = table.get('sku') ?? { onHand: 0, held: 0 }
        const counted = decision > 1 ? { onHand: decision, held: 0 } : { ...shelf, held: shelf.held + 1 }
        table.set('sku', counted)
      },
    }
    const ledger = openLedger<number, Held>(js, name, definition)
    await ledger.read(() => undefined)
    const { reserved, perSecond } = await run(() =>
      ledger.decide(
        (table) => {
          const { onHand, held } = table.get('sku') as Held
          return held < onHand ? 1 : undefined
        },
        () => true,
      ),
    )
    const { held } = await ledger.read((table) => table.get('sku') as Held)
    if (held !== reserved) throw new Error(`${reserved} were told that they have a piece, ${held} are held`)
    return perSecond
  }

  const byCompareAndSet = async (): Promise<number> => {
    const kv = await nc.jetstream().views.kv(`hot${++nth}`)
    await kv.put('sku', JSON.stringify({ onHand: 10_000_000, held: 0 }))
    const { reserved, perSecond } = await run(async () => {
      for (;;) {
        const entry = await kv.get('sku')
        const shelf = entry?.json() as Held
        if (shelf.held >= shelf.onHand) return false
        try {
          await kv.update('sku', JSON.stringify({ ...shelf, held: shelf.held + 1 }), entry?.revision ?? 0)
          return true
        } catch (error) {
          if (!/wrong last sequence/.test(String(error))) throw error
        }
      }
    })
    const { held } = ((await kv.get('sku')) as KvEntry).json<Held>()
    if (held !== reserved) throw new Error(`${reserved} were told that they have a piece, ${held} are held`)
    return perSecond
  }

  return {
    name: `one hot SKU, ${contenders} contenders`,
    unit: 'reservations/s',
    contenders: [
      { name: 'ledger', round: byLedger },
      { name: 'KV compare-and-set', round: byCompareAndSet },
    ],
    toReach: { 'KV compare-and-set': 30 },
    async end() {
      await nc.close()
      await close()
    },
  }
}
