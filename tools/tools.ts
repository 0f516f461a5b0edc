import type { Tool } from './tool'

// Loaded on demand: a process that runs functions needs none of them.
export const tools: Record<string, () => Promise<{ run: Tool }>> = {
  call: () => import('./call'),
  deploy: () => import('./deploy'),
  dev: () => import('./dev'),
  dlq: () => import('./dlq'),
  new: () => import('./new'),
  provision: () => import('./provision'),
  replay: () => import('./replay'),
  tail: () => import('./tail'),
}

const toolsHelp = `  node runtime call SUBJECT JSON  one request, the reply on stdout
  node runtime tail SUBJECT       prints what passes on a subject
  node runtime dlq ls|show|redrive|drop    what could not be handled
  node runtime replay FUNCTION    hands one stream function its history again
  node runtime provision          creates and repairs streams and consumers
  node runtime deploy             writes Compose and Kubernetes files of the manifest
  node runtime new NAME           writes a function, its contract and its test
  node runtime dev                runs the functions and swaps those whose files change`

export const help = `node runtime: runs the functions of a manifest on NATS

  node runtime                    every function of manifest.json
  node runtime --only order       those named order, beginning with order/ or in the queue order; a comma list, *
  node runtime --except gateway   all but those
  node runtime --manifest FILE    another manifest
  node runtime --embedded         starts a NATS server if none is there
  node runtime --bind-only        creates no stream and no consumer; says what is missing
  node runtime --list             what would run: name, mode, subject, queue; connects to nothing
  node runtime --help, --version

${toolsHelp}

The environment (NATS_URL, HTTP_ADDR, LOG_LEVEL …) is in the README.`
