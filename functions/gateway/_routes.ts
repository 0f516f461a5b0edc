import { randomUUID } from 'node:crypto'
import type { IRequest } from 'itty-router'
import document from '../../docs/openapi.yaml'
import { isRejection, rejection } from '../../runtime/errors'
import type { Answer, HttpResponse } from '../../runtime/types'
import { authIsOff, rpcTimeoutMs } from '../_environment'
import { mermaid } from '../audit/_mermaid'
import { Report } from '../delivery/_contract'
import { Shelf } from '../inventory/_contract'
import { Cancel, type NewOrder, type OrdersOf } from '../order/_contract'
import { orderId } from '../order/_identity'
import { prefers } from './_accept'
import { follow } from './_follow'
import type { Gateway } from './_gateway'
import { type Kind, kinds, problem, problemOf } from './_problem'

type Handle = (request: IRequest, gateway: Gateway) => Answer | Promise<Answer>

interface Route {
  method: 'get' | 'post' | 'put'
  path: string
  answer: Handle
  /** What a 409 of the service means here. */
  conflict?: Kind
}

export const routes: Route[] = [
  { method: 'post', path: '/api/v1/orders', answer: createOrder },
  { method: 'get', path: '/api/v1/orders', answer: listOrders },
  { method: 'get', path: '/api/v1/orders/:order_id', answer: getOrderStatus },
  { method: 'post', path: '/api/v1/orders/:order_id/cancel', answer: cancelOrder, conflict: 'not-cancellable' },
  { method: 'get', path: '/api/v1/orders/:order_id/history', answer: getOrderHistory },
  { method: 'get', path: '/api/v1/orders/:order_id/explain', answer: explainOrder },
  { method: 'get', path: '/api/v1/orders/:order_id/events', answer: followOrder },
  { method: 'get', path: '/api/v1/inventory/:sku', answer: checkInventory },
  { method: 'put', path: '/api/v1/inventory/:sku', answer: setInventory },
  { method: 'post', path: '/api/v1/deliveries/:order_id/status', answer: updateDelivery },
  { method: 'get', path: '/api/v1/audit/books', answer: checkBooks },
  { method: 'get', path: '/api/v1/health', answer: () => text('OK') },
  { method: 'get', path: '/ready', answer: ready },
  { method: 'get', path: '/metrics', answer: metrics },
  { method: 'get', path: '/api/v1/openapi.json', answer: () => json(document) },
  { method: 'get', path: '/problems/:kind', answer: explainProblem },
]

async function createOrder(request: IRequest, gateway: Gateway): Promise<Answer> {
  const sent = request.headers.get('idempotency-key')
  const key = sent ?? randomUUID()
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalid('#/Idempotency-Key', 'must be 1 to 255 visible ASCII characters without spaces')
  }
  // What is not an order is refused before it is sent.
  const order = (await body(request)) as NewOrder
  try {
    const options = { idempotencyKey: key, isNewKey: sent === null, ...timely() }
    const { body: created, replayed } = await gateway.request('rpc.create_order', order, options)
    return json(created, 201, {
      Location: `/api/v1/orders/${created.order_id}`,
      ...(replayed && { 'Idempotent-Replayed': 'true' }),
    })
  } catch (error) {
    if (isRejection(error) && error.code === 400) throw error
    return problemOf(error, { order_id: orderId(order.user_id, key), instance: '/api/v1/orders' }, gateway.log)
  }
}

async function listOrders({ url }: IRequest, { request: ask }: Gateway): Promise<Answer> {
  const { searchParams } = new URL(url)
  const [limit, cursor] = [searchParams.get('limit'), searchParams.get('cursor')]
  const wish = {
    user_id: searchParams.get('user_id') ?? undefined,
    // What is no number is refused by the field's name, as a number out of range is.
    ...(limit !== null && { limit: /^\d+$/.test(limit) ? Number(limit) : limit }),
    ...(cursor !== null && { cursor }),
  }
  return json((await ask('rpc.list_orders', wish as OrdersOf, timely())).body)
}

async function getOrderStatus({ params }: IRequest, { request: ask }: Gateway): Promise<Answer> {
  return json((await ask('rpc.get_order_status', { order_id: decoded(params.order_id) }, timely())).body)
}

async function cancelOrder(request: IRequest, { request: ask, check }: Gateway): Promise<Answer> {
  const wish = check(Cancel, await body(request, {}))
  const order_id = decoded(request.params.order_id)
  return json((await ask('rpc.cancel_order', { ...wish, order_id, by: 'customer' }, timely())).body)
}

async function getOrderHistory({ params }: IRequest, { request: ask }: Gateway): Promise<Answer> {
  return json((await ask('rpc.get_order_history', { order_id: decoded(params.order_id) }, timely())).body)
}

async function explainOrder({ params, headers }: IRequest, { request: ask }: Gateway): Promise<Answer> {
  const { body } = await ask('rpc.explain_order', { order_id: decoded(params.order_id) }, timely())
  const vary = { Vary: 'Accept' }
  if (!prefers(headers.get('accept'), diagram, 'application/json')) return json(body, 200, vary)
  return { status: 200, headers: { 'Content-Type': `${diagram}; charset=utf-8`, ...vary }, body: mermaid(body) }
}

function followOrder(request: IRequest, gateway: Gateway): Promise<Answer> {
  const lastId = request.headers.get('last-event-id') ?? '0'
  if (!/^[0-9]+$/.test(lastId)) throw invalid('#/Last-Event-ID', 'must be a number')
  return follow(decoded(request.params.order_id), Number(lastId), request.signal, gateway)
}

async function checkInventory({ params }: IRequest, { request: ask }: Gateway): Promise<Answer> {
  return json((await ask('rpc.check_inventory', { sku: decoded(params.sku) }, timely())).body)
}

async function setInventory(request: IRequest, { request: ask, check, loopback }: Gateway): Promise<Answer> {
  staffOnly(loopback)
  const shelf = check(Shelf, await body(request))
  return json((await ask('rpc.set_inventory', { ...shelf, sku: decoded(request.params.sku) }, timely())).body)
}

async function updateDelivery(request: IRequest, { request: ask, check, loopback }: Gateway): Promise<Answer> {
  staffOnly(loopback)
  const report = check(Report, await body(request))
  const order_id = decoded(request.params.order_id)
  return json((await ask('rpc.update_delivery', { ...report, order_id }, timely())).body)
}

async function checkBooks(_: IRequest, { request: ask }: Gateway): Promise<Answer> {
  return json((await ask('rpc.check_books', {}, timely())).body)
}

async function ready(_: IRequest, gateway: Gateway): Promise<Answer> {
  return (await gateway.ready()) ? text('ready') : problem('not-ready', { instance: '/ready' })
}

async function metrics(_: IRequest, gateway: Gateway): Promise<Answer> {
  const { contentType, text: body } = await gateway.metrics()
  return { status: 200, headers: { 'Content-Type': contentType }, body }
}

function explainProblem({ params }: IRequest): Answer {
  const known = Object.hasOwn(kinds, params.kind ?? '') ? kinds[params.kind as Kind] : undefined
  return known ? text(known[1]) : problem('not-found', { instance: `/problems/${params.kind}` })
}

const diagram = 'text/vnd.mermaid'

let patience: { timeoutMs: number } | undefined
/** Looked up once, since each look at the environment is a call of the system. */
const timely = () => (patience ??= { timeoutMs: rpcTimeoutMs() })

const invalid = (pointer: string, detail: string) => rejection(400, `${pointer} ${detail}`, [{ pointer, detail }])

/** Operators' and couriers' calls, open to all only where nobody else can reach them. */
function staffOnly(loopback: boolean): void {
  if (!authIsOff(loopback)) throw rejection(403, 'Operators and couriers cannot sign in here: AUTH is not set.')
}

function decoded(segment = ''): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The body as JSON, whatever its Content-Type; `otherwise` stands for an empty one where that is allowed. */
async function body(request: IRequest, otherwise?: object): Promise<unknown> {
  const text = await request.text()
  if (text === '' && otherwise) return otherwise
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('#', text === '' ? 'is required' : 'is not JSON')
  }
}

const json = (value: object, status = 200, headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: `${JSON.stringify(value)}\n`,
})

const text = (line: string): HttpResponse => ({ status: 200, headers: { 'Content-Type': 'text/plain' }, body: line })
