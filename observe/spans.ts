import type { Observer, Watched } from '../runtime/observe'

export async function openSpans(_: Watched): Promise<{ observer: Observer; stop(): Promise<void> }> {
  return { observer: {}, stop: async () => undefined }
}
