import { configuration } from '../runtime/errors'
import type { Tool } from './tool'

export const run: Tool = async () => {
  throw configuration('tail: not built yet')
}
