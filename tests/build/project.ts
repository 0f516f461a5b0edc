import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { execa } from 'execa'
import { atEnd } from '../support/suite'

export interface Project {
  folder: string
  /** Runs `node build.mjs` there. */
  build(...flags: string[]): Promise<{ exitCode?: number; stdout: string; stderr: string }>
  read(path: string): string
  write(path: string, text: string): void
  remove(path: string): void
  /** The text of every file by its path; node_modules is left out. */
  files(): Map<string, string>
}

const parts = [
  'functions',
  'runtime',
  'connect',
  'embedded',
  'validate',
  'observe',
  'provision',
  'stores',
  'tools',
  'build.mjs',
  'package.json',
  'tsconfig.json',
  'catalog.json',
  'docs/openapi.yaml',
  'manifest.json',
]

/** A copy of this project in a folder of its own, removed with the test file. */
export function copyProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'project-'))
  atEnd(() => rmSync(folder, { recursive: true }))
  for (const part of parts) cpSync(part, join(folder, part), { recursive: true })
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    build: (...flags) => execa(process.execPath, ['build.mjs', ...flags], { cwd: folder, reject: false }),
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    },
    remove: (path) => rmSync(join(folder, path), { recursive: true }),
    files: () => new Map(list(folder).map((path) => [path, readFileSync(join(folder, path), 'utf8')])),
  }
}

/** What differs between two states of a folder; bundles are what a build is for. */
export function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths].filter((path) => !path.startsWith('dist/') && before.get(path) !== after.get(path)).toSorted()
}

/** Every file below a folder, by its path from there, sorted. */
export function list(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(below, entry.name)
      if (entry.isDirectory()) return list(folder, path)
      return entry.isFile() ? [path] : []
    })
    .sort()
}
