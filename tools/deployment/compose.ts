import type { Group } from './groups'
import { graceSeconds, ports } from './settings'

interface Image {
  name: string
  version: string
}

/** A service for each group; NATS and PostgreSQL come from engines.yaml, what they are told from functions.env. */
export async function composeFile(groups: Group[], image: Image): Promise<string> {
  const { Document } = await import('yaml')
  const document = new Document({
    name: image.name,
    include: ['engines.yaml'],
    'x-function': common(image),
    services: {} as Record<string, unknown>,
  })
  const shared = document.get('x-function') as { anchor?: string }
  shared.anchor = 'function'
  for (const group of groups) {
    const service = document.createNode({
      '<<': null,
      command: ['--only', group.name],
      ...(group.serves && { ports: [`\${HTTP_PORT:-${ports.http}}:${ports.http}`] }),
    })
    service.set('<<' as never, document.createAlias(shared as never, 'function') as never)
    document.setIn(['services', group.name], service)
  }
  return document.toString({ lineWidth: 120 })
}

function common({ name, version }: Image) {
  const engines = ['nats_rpc', 'nats_events', 'nats_jetstream', 'postgres']
  return {
    image: `${name}:${version}`,
    build: { context: '..', dockerfile: 'deploy/Dockerfile' },
    env_file: ['functions.env'],
    environment: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose fills it in.
      DATABASE_URL: '${DATABASE_URL:-postgres://postgres:${POSTGRES_PASSWORD:-postgres}@postgres:5432/postgres}',
    },
    depends_on: Object.fromEntries(engines.map((engine) => [engine, { condition: 'service_healthy' }])),
    restart: 'unless-stopped',
    stop_grace_period: `${graceSeconds}s`,
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    deploy: { resources: { limits: { cpus: '1', memory: '512M' } } },
  }
}
