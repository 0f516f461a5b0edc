import type { Watched } from '../runtime/observe'
import type { Address } from '../runtime/settings'

export async function startOps(
  _: Address,
  __: Watched & { read(): Promise<{ contentType: string; text: string }> },
): Promise<{ url: string; stop(): Promise<void> }> {
  return { url: '', stop: async () => undefined }
}
