import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

/** An object of Kubernetes, read without knowing its kind. */
export interface Kubernetes {
  apiVersion: string
  kind: string
  metadata: { name: string }
  spec: Record<string, unknown>
}

export interface Service {
  command?: string[]
  ports?: string[]
  env_file?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  stop_grace_period?: string
  healthcheck?: { test: string[] }
  volumes?: string[]
}

export interface Compose {
  name?: string
  include?: string[]
  services: Record<string, Service>
  volumes?: Record<string, null>
}

/** What the made files say, in the words of the tests. */
export interface Made {
  text: string
  /** The arguments of every process, of Compose and of Kubernetes. */
  args: Record<'compose' | 'kubernetes', string[][]>
  deployments: string[]
  budgets: string[]
  services: string[]
  /** Services of Compose with a port on the machine. */
  published: string[]
  /** What each scaler scales. */
  scaled: string[]
  /** As `STREAM consumer`. */
  triggers: string[]
  monitors: string[]
}

export const readCompose = (path: string): Compose => parse(readFileSync(path, 'utf8'), { merge: true })

export function objectsIn(path: string): Kubernetes[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw new Error(`${path}: ${document.errors[0]}`)
    return document.toJS()
  })
}

/** The text of each made file by its path. */
export function groupFiles(folder: string): Record<string, string> {
  const paths = ['functions', 'scaling'].flatMap((part) =>
    readdirSync(join(folder, 'kubernetes', part)).map((name) => `kubernetes/${part}/${name}`),
  )
  return Object.fromEntries(
    ['compose.yaml', ...paths].sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  )
}

type Pod = { template: { spec: { containers: { args: string[] }[] } } }
type Scaler = {
  scaleTargetRef: { name: string }
  triggers?: { type: string; metadata: Record<string, string> }[]
}

export function readMade(folder: string): Made {
  const files = groupFiles(folder)
  const kubernetes = Object.keys(files)
    .filter((path) => path.startsWith('kubernetes/') && !path.endsWith('kustomization.yaml'))
    .flatMap((path) => objectsIn(join(folder, path)))
  const named = (kind: string) => kubernetes.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name)
  const scalers = kubernetes
    .filter(({ kind }) => ['ScaledObject', 'HorizontalPodAutoscaler'].includes(kind))
    .map(({ spec }) => spec as Scaler)
  const waiting = scalers.flatMap(({ triggers = [] }) => triggers).filter(({ type }) => type === 'nats-jetstream')
  const { services } = readCompose(join(folder, 'compose.yaml'))
  return {
    text: Object.values(files).join('\n'),
    args: {
      compose: Object.values(services).map(({ command = [] }) => command),
      kubernetes: kubernetes
        .filter(({ kind }) => kind === 'Deployment')
        .map(({ spec }) => (spec as Pod).template.spec.containers[0]?.args ?? []),
    },
    deployments: named('Deployment'),
    budgets: named('PodDisruptionBudget'),
    services: named('Service'),
    published: Object.keys(services).filter((name) => services[name]?.ports),
    scaled: scalers.map(({ scaleTargetRef }) => scaleTargetRef.name),
    triggers: waiting.map(({ metadata }) => `${metadata.stream} ${metadata.consumer}`),
    monitors: waiting.map(({ metadata }) => metadata.natsServerMonitoringEndpoint ?? ''),
  }
}
