import type { Observer } from '../runtime/observe'
import type { Watched } from './observing'

export async function openMetrics(
  _: Watched,
): Promise<{ observer: Observer; read(): Promise<{ contentType: string; text: string }> }> {
  return { observer: {}, read: async () => ({ contentType: 'text/plain', text: '' }) }
}
