import type { Observer, Watched } from '../runtime/observe'

export async function openMetrics(
  _: Watched,
): Promise<{ observer: Observer; read(): Promise<{ contentType: string; text: string }> }> {
  return { observer: {}, read: async () => ({ contentType: 'text/plain', text: '' }) }
}
