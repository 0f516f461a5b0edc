import type { Address } from '../runtime/settings'
import type { Watched } from './observing'

export async function startOps(
  _: Address,
  __: Watched & { read(): Promise<{ contentType: string; text: string }> },
): Promise<{ url: string; stop(): Promise<void> }> {
  return { url: '', stop: async () => undefined }
}
