import type { Observer } from '../runtime/observe'
import type { Watched } from './observing'

export async function openSpans(_: Watched): Promise<{ observer: Observer; stop(): Promise<void> }> {
  return { observer: {}, stop: async () => undefined }
}
