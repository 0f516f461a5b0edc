import { type Infer, integer, object } from 'superstruct'
import {
  type Contracts,
  type FieldError,
  type Ledger,
  type LedgerDefinition,
  message,
  type Published,
  type Reply,
  type RequestOptions,
  request,
  type Store,
} from '../../runtime/types'

/** The one body that tests of the runtime send about. */
export const Note = object({ n: integer() })
export type Note = Infer<typeof Note>

/** A contract for each subject: `rpc.…` asks and answers with a note, the others carry one. */
export const notes = (...subjects: string[]): Contracts =>
  Object.fromEntries(
    subjects.map((subject) => [subject, subject.startsWith('rpc.') ? request(Note, Note) : message(Note)]),
  )

/** A handler's context with any subject and name, so that a test can use what its config does not list. */
export interface Context {
  id: string
  attempt: number
  seq: number | undefined
  signal: AbortSignal
  message: { subject: string; body: Note }
  raw: Record<string, unknown>
  idempotencyKey: string | undefined
  isNewKey: boolean
  replayed(): void
  emit(subject: string, body: unknown, of?: { id: string | undefined; attempt: number }): void
  publish(subject: string, body: unknown): Promise<Published<Note>>
  request(subject: string, body: unknown, options?: RequestOptions): Promise<Reply<Note>>
  store<T>(bucket: string): Store<T>
  ledger<D, V>(name: string, definition: LedgerDefinition<D, V>): Ledger<D, V>
  settled(name: string): Promise<void>
  reject(code: number, message: string, errors?: FieldError[]): never
  later(ms: number): never
}
