import { integer, min, number, object, size, string } from 'superstruct'
import { request } from '../../../../../runtime/types'

const Said = object({ n: min(integer(), 0), text: size(string(), 1, 200) })

export default {
  'rpc.echo': request(Said, Said),
  'rpc.wait': request(Said, Said),
  'rpc.drive': request(object({ count: integer(), inFlight: integer() }), object({ ms: number() })),
}
