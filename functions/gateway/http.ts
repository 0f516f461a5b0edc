import { type IRequest, Router } from 'itty-router'
import type { Answer, HttpRequest } from '../../runtime/types'
import type { Handler } from '../_contracts'
import { authIsOff, rpcTimeoutMs } from '../_environment'
import { config, type Gateway } from './_gateway'
import { problem, problemOf } from './_problem'
import { routes } from './_routes'

export { config }

export const setup = () => [rpcTimeoutMs(), authIsOff(true)]

const router = Router<IRequest, [Gateway]>()
for (const { method, path, answer, conflict } of routes) {
  router[method](path, async (request, gateway) => {
    try {
      return await answer(request, gateway)
    } catch (error) {
      return problemOf(error, { conflict, instance: new URL(request.url).pathname }, gateway.log)
    }
  })
}
router.all('*', otherwise)

// Needs no parsing to see that no slash is at its end.
const plainPath = /^[a-z]+:\/\/[a-z]+(\/[\w-]+)+(\?|$)/
const endsInSlash = (url: string) => !plainPath.test(url) && new URL(url).pathname.endsWith('/')

/** The HTTP face of the order flow; see docs/openapi.yaml. */
export default ((request, gateway) => {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  // The router overlooks slashes at the end; the document does not.
  if (endsInSlash(request.url)) return problem('not-found', { instance: new URL(request.url).pathname })
  return router.fetch(Object.assign(request, { method }) satisfies HttpRequest, gateway)
}) satisfies Handler<typeof config>

function otherwise(request: IRequest): Answer {
  const { pathname } = new URL(request.url)
  const allowed = router.routes
    .filter(([method, path]) => method !== 'ALL' && path.test(pathname))
    .map(([method]) => method)
  if (allowed.length === 0) return problem('not-found', { instance: pathname })
  const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
  return problem('method-not-allowed', { instance: pathname }, { Allow: allow })
}
