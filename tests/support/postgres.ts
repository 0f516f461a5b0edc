import { type Database, postgresFolder, startPostgres } from '../../testing/postgres'
import { suite } from './suite'

export { type Database, startPostgres } from '../../testing/postgres'

/** A suite that needs a real PostgreSQL, one for the file; where the machine has none it is told that it is left out. */
export function postgresSuite(name: string): { test: ReturnType<typeof suite>; database(): Promise<Database> } {
  const test = suite(name)
  let started: Promise<Database> | undefined
  const database = () => {
    started ??= startPostgres()
    return started
  }
  if (postgresFolder()) return { test, database }
  console.log('left out: what needs a real PostgreSQL; put its initdb and postgres on the PATH')
  test('is left out', () => {})
  return { test: Object.assign(() => {}, { run: () => test.run() }), database }
}
