import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { atEnd } from '../../testing/ends'
import { type BankAnswer, type BankCall, drawn, type Entry, type Fault, faults, openBankLedger } from './bank_ledger'
import { random } from './random'

export interface Bank {
  url: string
  port: number
  /** What really happened, by key; also at `GET /entries`. */
  entries(): Record<string, Entry>
  /** How often it was asked, about one key or any. */
  asked(call: BankCall['call'], key?: string): number
  /** The next calls of this kind, of one key or of any, go wrong in these ways, one each. */
  next(call: BankCall['call'], ways: Fault[], key?: string): void
  /** Every call of this kind goes wrong in this way; without one, no more. */
  always(call: BankCall['call'], way?: Fault): void
  stop(): Promise<void>
}

interface BankOptions {
  port?: number
  /** Where it listens, on the same port each. */
  addresses?: string[]
  /** It declines what is above, in minor units. */
  limit?: number
  /** What it wants as a Bearer, if anything. */
  token?: string
  seed?: number
  /** The share of all calls, as 0.1, that goes wrong in each way. */
  faults?: Partial<Record<Fault, number>>
}

/** A payment service that speaks docs/payment.md over real HTTP, remembers what it did, and goes wrong when told or by chance. */
export async function startBank({
  port = 0,
  addresses = ['127.0.0.1'],
  limit = 1e15,
  token,
  seed,
  faults: shares = {},
}: BankOptions = {}): Promise<Bank> {
  const ledger = openBankLedger(limit)
  const choices = random(seed)
  const planned: { call: BankCall['call']; way: Fault; key?: string }[] = []
  const standing = new Map<BankCall['call'], Fault>()
  const calls: BankCall[] = []

  const wayOf = ({ call, key }: BankCall): Fault | undefined => {
    const index = planned.findIndex((one) => one.call === call && (one.key === undefined || one.key === key))
    if (index >= 0) return planned.splice(index, 1)[0]?.way
    return standing.get(call) ?? drawn(shares, choices)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'GET') return void response.end(JSON.stringify(ledger.entries()))
    const call = await callOf(request).catch(() => undefined)
    if (!call) return void response.writeHead(400).end()
    if (token && request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end()
    calls.push(call)
    const way = wayOf(call)
    const { does, answer: how } = way ? faults[way] : ({ does: 'first', answer: 'clear' } as const)
    if (does === 'late') response.once('close', () => ledger.does(call))
    const done = does === 'first' || does === 'declined' ? ledger.does(call, does === 'declined') : undefined
    answers[how](response, done)
  }

  const servers: Server[] = []
  for (const address of addresses) {
    const server = createServer(answer).listen(servers.length === 0 ? port : portOf(servers[0] as Server), address)
    await once(server, 'listening')
    servers.push(server)
  }
  const bound = portOf(servers[0] as Server)

  const stop = async () => {
    for (const server of servers.splice(0)) {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
  atEnd(stop)
  return {
    url: `http://${addresses[0]}:${bound}`,
    port: bound,
    entries: ledger.entries,
    asked: (wanted, about) =>
      calls.filter(({ call, key }) => call === wanted && (about === undefined || key === about)).length,
    next: (call, ways, key) => void planned.push(...ways.map((way) => ({ call, way, key }))),
    always: (call, way) => void (way ? standing.set(call, way) : standing.delete(call)),
    stop,
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

async function callOf(request: IncomingMessage): Promise<BankCall | undefined> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const [, key, call = 'capture'] = /^\/payments\/([^/]+)(?:\/(void|refund))?$/.exec(request.url ?? '') ?? []
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Omit<BankCall, 'call' | 'key'>
  return request.method === 'PUT' && key ? { ...body, call: call as BankCall['call'], key } : undefined
}

const answers = {
  clear: (response: ServerResponse, done?: BankAnswer) =>
    response.writeHead(done?.status ?? 500, { 'Content-Type': 'application/json' }).end(JSON.stringify(done?.body)),
  '500': (response: ServerResponse) => response.writeHead(500).end('{"status":"voided"}'),
  page: (response: ServerResponse) => response.end('<h1>It works!</h1>'),
  broken: (response: ServerResponse) => response.destroy(),
  none: () => undefined,
}
