import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { readManifest } from '../../runtime/manifest'
import { freePort, startBroker } from '../support/broker'
import { customer } from '../support/orders'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('the image, made without a container engine')

interface Line {
  word: string
  rest: string
}
interface Stage {
  name: string | undefined
  lines: Line[]
}

/** The stages of the Dockerfile, by what this file understands of them; anything else is an error. */
function stages(): Stage[] {
  const all: Stage[] = []
  for (const text of readFileSync('deploy/Dockerfile', 'utf8').split('\n')) {
    if (text === '' || text.startsWith('#') || text.startsWith('ARG ')) continue
    const [, word = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(text) ?? []
    if (word === 'FROM') all.push({ name: / AS (\w+)$/.exec(rest)?.[1], lines: [] })
    else all.at(-1)?.lines.push({ word, rest })
  }
  return all
}

const ignored = readFileSync('.dockerignore', 'utf8').trim().split('\n')

/** Of the context, without what .dockerignore keeps out of it. */
function isSent(path: string): boolean {
  return !ignored.some((pattern) => {
    const form = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}(/|$)`)
    return form.test(path)
  })
}

/** Carries out a stage in a folder; `folders` are those of the stages before it. */
async function carryOut({ lines }: Stage, folders: Map<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'image-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  for (const { word, rest } of lines) {
    if (word === 'COPY') copy(rest, folder, folders)
    else if (word === 'RUN') {
      const { exitCode, stderr } = await execa(rest, { shell: true, cwd: folder, reject: false })
      assert.is(exitCode, 0, `${rest}: ${stderr}`)
    } else assert.ok(['WORKDIR', 'ENV', 'USER', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(word), word)
  }
  return folder
}

function copy(rest: string, folder: string, folders: Map<string, string>): void {
  const [, stage, paths = ''] = /^(?:--from=(\w+) )?(.*)$/.exec(rest) ?? []
  const from = stage === undefined ? resolve('.') : (folders.get(stage) as string)
  const [target = '', ...sources] = paths.split(' ').reverse()
  for (const source of sources) {
    const path = join(from, source.replace(/^\/app\//, ''))
    const into = source === '.' ? folder : join(folder, target.endsWith('/') ? `${target}${basename(path)}` : target)
    const filter = (one: string) => stage !== undefined || isSent(relative(from, one))
    cpSync(path, into, { recursive: true, filter, verbatimSymlinks: true })
  }
}

test('what the Dockerfile copies is all that the functions need, group by group and together', async () => {
  const folders = new Map<string, string>()
  let image = ''
  for (const stage of stages()) {
    image = await carryOut(stage, folders)
    if (stage.name) folders.set(stage.name, image)
  }
  const { stdout: size } = await execa('du', ['-sm', image])
  console.log(`\nthe image’s own layers: ${Number.parseInt(size, 10)} MB`)

  const broker = await startBroker()
  const HTTP_ADDR = `127.0.0.1:${await freePort()}`
  const groups = [...new Set(readManifest('manifest.json').functions.map(({ name }) => name.split('/')[0] as string))]
  for (const group of groups) {
    const OPS_ADDR = `127.0.0.1:${await freePort()}`
    const child = execa('node', ['runtime', '--only', group], {
      cwd: image,
      reject: false,
      extendEnv: false,
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        NATS_URL: broker.url,
        HTTP_ADDR,
        OPS_ADDR,
        DELIVERY_SIMULATION_MS: '1',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      },
    })
    let ended: string | undefined
    child.then(({ stdout, stderr }) => {
      ended = `${stderr}${stdout}`
    })
    atEnd(async () => {
      child.kill('SIGKILL')
      await child
    })
    await eventually(`${group} to be ready`, async () => {
      assert.is(ended, undefined, `${group} ended`)
      const answer = await fetch(`http://${OPS_ADDR}/ready`).catch(() => undefined)
      return answer?.status === 200
    })
    const healthy = await execa('node', ['deploy/healthy.mjs'], { cwd: image, reject: false, env: { OPS_ADDR } })
    assert.is(healthy.exitCode, 0)
  }
  const { order, reaches } = customer({ url: `http://${HTTP_ADDR}` })
  await reaches(await order(), 'delivered')
})

test.run()
