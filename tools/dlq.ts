import { configuration } from '../runtime/errors'
import type { Tool } from './tool'

export const run: Tool = async () => {
  throw configuration('dlq: not built yet')
}
