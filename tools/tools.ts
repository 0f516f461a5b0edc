import type { Tool } from './tool'

// Loaded on demand: a process that runs functions needs none of them.
export const tools: Record<string, () => Promise<{ run: Tool }>> = {
  call: () => import('./call'),
  dev: () => import('./dev'),
  dlq: () => import('./dlq'),
  new: () => import('./new'),
  provision: () => import('./provision'),
  replay: () => import('./replay'),
  tail: () => import('./tail'),
}

export const toolsHelp = `  node runtime call SUBJECT JSON  one request, the reply on stdout
  node runtime tail SUBJECT       prints what passes on a subject
  node runtime dlq ls|show|redrive|drop    what could not be handled
  node runtime replay FUNCTION    hands one stream function its history again
  node runtime provision          creates and repairs streams and consumers
  node runtime new NAME           writes a function, its contract and its test
  node runtime dev                runs the functions and swaps those whose files change`
