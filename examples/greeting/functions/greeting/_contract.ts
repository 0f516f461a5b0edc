import { integer, object, pattern, string } from 'superstruct'
import { message, request } from '../../../../runtime/types'

const Name = pattern(string(), /^\w{1,40}$/)

export default {
  'rpc.greet': request(object({ name: Name }), object({ text: string() })),
  'greetings.said': message(object({ name: Name, nth: integer() }), ({ name, nth }) => `said:${name}:${nth}`),
}
