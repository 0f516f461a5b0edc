import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import type { IContainer } from 'kubernetes-models/v1/Container'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'
import type { IService } from 'kubernetes-models/v1/Service'
import { configuration } from '../../runtime/errors'
import type { Durable, Group } from './groups'
import { graceSeconds, ports } from './settings'

interface Options {
  image: { name: string; version: string }
  /** Where the NATS servers tell of themselves, as `host:port`; each server `s` of a cluster also at `s.host`. */
  monitor: string
}

const most = 10
const cpuPercent = 70
const roundsWaiting = 16

/** Text of each file by its path: what runs in `functions/`, what says how many run in `scaling/`. */
export async function kubernetesFiles(groups: Group[], options: Options): Promise<Record<string, string>> {
  requireNames(groups)
  const { stringify } = await import('yaml')
  const written = (objects: object[]) => objects.map((object) => stringify(object, { lineWidth: 120 })).join('---\n')
  const files: Record<string, string> = {}
  for (const group of groups) {
    const name = `${objectName(group)}.yaml`
    const objects = [
      deployment(group, options),
      budget(group, options),
      ...(group.serves ? [service(group, options)] : []),
    ]
    files[`functions/${name}`] = written(objects)
    files[`scaling/${name}`] = unscaled(group) + written([scaler(group, options)])
  }
  for (const folder of ['functions', 'scaling']) {
    const resources = groups.map((group) => `${objectName(group)}.yaml`)
    const head = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
    files[`${folder}/kustomization.yaml`] = written([{ ...head, resources }])
  }
  return files
}

/** As Kubernetes names objects: lower case, digits and hyphens. */
const objectName = ({ name }: Group): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

/** Each names an object and its file, so no two may be the same, and Kubernetes has to take it. */
function requireNames(groups: Group[]): void {
  const known = new Map<string, string>()
  for (const group of groups) {
    const name = objectName(group)
    const other = known.get(name)
    if (other)
      throw configuration(`${other} and ${group.name}: both are ${name} in Kubernetes; rename one of the folders`)
    if (!/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name) || name === 'kustomization') {
      throw configuration(`${group.name}: would be ${name} in Kubernetes, which cannot be; rename the folder`)
    }
    known.set(name, group.name)
  }
}

function metadata(group: Group, { image }: Options) {
  const name = objectName(group)
  return { name, labels: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': image.name } }
}

const selector = (group: Group) => ({ matchLabels: { 'app.kubernetes.io/name': objectName(group) } })

function deployment(group: Group, options: Options): IDeployment {
  const { labels } = metadata(group, options)
  const annotations = {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(ports.ops),
    'prometheus.io/path': '/metrics',
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(group, options),
    spec: {
      selector: selector(group),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels, annotations }, spec: pod(group, options) },
    },
  }
}

function pod(group: Group, options: Options): IPodSpec {
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: selector(group),
      },
    ],
    containers: [container(group, options)],
    volumes: [{ name: 'nats', secret: { secretName: 'nats-credentials', optional: true } }],
  }
}

function container({ name, serves }: Group, { image }: Options): IContainer {
  const probe = (path: string) => ({ httpGet: { path, port: 'ops' }, timeoutSeconds: 3 })
  return {
    name: 'functions',
    image: `${image.name}:${image.version}`,
    args: ['--only', name],
    envFrom: [{ configMapRef: { name: 'settings' } }, { secretRef: { name: 'secrets', optional: true } }],
    ports: [
      ...(serves ? [{ name: 'http', containerPort: ports.http }] : []),
      { name: 'ops', containerPort: ports.ops },
    ],
    startupProbe: { ...probe('/ready'), periodSeconds: 5, failureThreshold: 60 },
    livenessProbe: { ...probe('/api/v1/health'), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...probe('/ready'), periodSeconds: 5, failureThreshold: 2 },
    resources: { requests: { cpu: '250m', memory: '192Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'nats', mountPath: '/etc/nats', readOnly: true }],
  }
}

const budget = (group: Group, options: Options): IPodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(group, options),
  spec: { maxUnavailable: 1, selector: selector(group) },
})

const service = (group: Group, options: Options): IService => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(group, options),
  spec: { selector: selector(group).matchLabels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})

/** Work that waits in a stream calls for more processes; where there is none of it, the processor's load does. */
function scaler(group: Group, options: Options): IHorizontalPodAutoscaler | IScaledObject {
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: objectName(group) }
  const spread = group.durables.filter(({ ordered }) => !ordered)
  if (spread.length === 0) {
    const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuPercent } }
    return {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: metadata(group, options),
      spec: { scaleTargetRef: target, minReplicas: 2, maxReplicas: most, metrics: [{ type: 'Resource', resource }] },
    }
  }
  const cpu = { type: 'cpu', metricType: 'Utilization', metadata: { value: String(cpuPercent) } }
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: metadata(group, options),
    spec: {
      scaleTargetRef: target,
      minReplicaCount: 2,
      maxReplicaCount: most,
      pollingInterval: 15,
      triggers: [...spread.map((durable) => trigger(durable, options)), cpu],
    },
  }
}

const trigger = ({ stream, consumer, concurrency }: Durable, { monitor }: Options) => ({
  type: 'nats-jetstream',
  metadata: {
    natsServerMonitoringEndpoint: monitor,
    account: '$G',
    stream,
    consumer,
    lagThreshold: String(concurrency * roundsWaiting),
  },
})

const unscaled = ({ durables }: Group): string =>
  durables
    .filter(({ ordered }) => ordered)
    .map(({ function: name }) => `# ${name} is ordered: one process at a time handles it, and more would wait.\n`)
    .join('')
