import { type IRequest, Router } from 'itty-router'
import type { HttpRequest } from '../../runtime/types'
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
      const instance = new URL(request.url).pathname
      const known = problemOf(error, { conflict, instance })
      if (known) return known
      throw error
    }
  })
}
router.all('*', otherwise)

/** The HTTP face of the order flow; see docs/openapi.yaml. */
export default ((request, gateway) => {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  return router.fetch(Object.assign(request, { method }) satisfies HttpRequest, gateway)
}) satisfies Handler<typeof config>

function otherwise(request: IRequest): Response {
  const { pathname } = new URL(request.url)
  const allowed = router.routes
    .filter(([method, path]) => method !== 'ALL' && path.test(pathname))
    .map(([method]) => method)
  if (allowed.length === 0) return problem('not-found', { instance: pathname })
  const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
  return problem('method-not-allowed', { instance: pathname }, { Allow: allow })
}
