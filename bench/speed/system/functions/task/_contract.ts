import { integer, object, string } from 'superstruct'
import { message } from '../../../../../runtime/types'

const Item = object({ n: integer(), text: string() })

export default {
  'work.item': message(Item, ({ n }) => `work:${n}`),
  'done.item': message(Item, ({ n }) => `done:${n}`),
}
