/**
 * Snapshots, transactions, backups and restores are states of one engine, under numbers of its own. They end with the term
 * of the leader that has them: this tab knows each by a number that no other term can take for another's.
 */
import type { RequestInput, RequestKind } from '../engine/protocol.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'

type Field = 'view' | 'backup' | 'restore'

/** Requests whose answer has the number of a new state. */
const OPENING: Partial<Record<RequestKind, Field>> = {
  openView: 'view',
  openViewAt: 'view',
  beginTransaction: 'view',
  openBackup: 'backup',
  beginRestore: 'restore',
}

/** Requests after which the number stands for nothing. */
const ENDING: ReadonlySet<RequestKind> = new Set<RequestKind>([
  'closeView',
  'commitTransaction',
  'closeBackup',
  'finishRestore',
  'discardRestore',
])

/** Requests that give states up whose owner is gone. */
const CLOSING = {
  view: 'closeView',
  backup: 'closeBackup',
  restore: 'discardRestore',
} as const satisfies Record<Field, RequestKind>

const FIELDS: readonly Field[] = ['view', 'backup', 'restore']

/** What the leader did of it before its answer was lost nobody can tell, and a second time would be once too often. */
const UNREPEATABLE: ReadonlySet<RequestKind> = new Set<RequestKind>([
  'transactionUpsert',
  'transactionDelete',
  'nextBackupChunk',
  'restoreChunk',
  'finishRestore',
])

const NO_VIEW = -1

interface Handle {
  readonly term: string
  readonly number: number
}

/** The states that this tab has open, wherever they are. */
export class Handles {
  readonly #handles = new Map<number, Handle>()
  #next = 1

  /** An answer as this tab sees it. */
  kept<O>(kind: RequestKind, output: O, term: string): O {
    const field = OPENING[kind]
    if (field === undefined) return output
    const handle = this.#next
    this.#next += 1
    this.#handles.set(handle, { term, number: (output as Record<Field, number>)[field] })
    return { ...output, [field]: handle }
  }

  /** A request's input as the leader of `term` understands it. `CLOSED` when its state ended with an earlier leader. */
  resolved<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    term: string,
    isAttempted: boolean,
  ): RequestInput<K> {
    if (isAttempted && UNREPEATABLE.has(kind)) throw endedError()
    const field = fieldOf(input)
    if (field === null) return input
    const own = (input as Record<Field, number>)[field]
    const handle = this.#handles.get(own)
    if (handle?.term === term) return { ...(input as object), [field]: handle.number } as RequestInput<K>
    // Whether it was committed the next leader knows by its token; else it answers that there is none of this number.
    if (isAttempted && kind === 'commitTransaction') return { view: NO_VIEW }
    throw endedError()
  }

  /** An answer came; whether its request may come again is no question any more. */
  settled(kind: RequestKind, input: unknown): void {
    const field = fieldOf(input)
    if (field !== null && ENDING.has(kind)) this.#handles.delete((input as Record<Field, number>)[field])
  }
}

/** Which state a request needs; null when it needs none. */
function fieldOf(input: unknown): Field | null {
  if (input === null) return null
  const given = input as Partial<Record<Field, number>>
  // The view 0 is the newest state, which every leader has.
  return FIELDS.find((field) => (given[field] ?? 0) !== 0) ?? null
}

/** The states that another tab has open in this tab's engine, so that they end when it does. */
export class OpenStates {
  readonly #open = new Set<string>()

  /** A request of the tab was carried out. */
  note(kind: RequestKind, input: unknown, output: unknown): void {
    const opened = OPENING[kind]
    if (opened !== undefined) this.#open.add(keyOf(opened, (output as Record<Field, number>)[opened]))
    const field = fieldOf(input)
    if (field !== null && ENDING.has(kind))
      this.#open.delete(keyOf(field, (input as Record<Field, number>)[field]))
  }

  /** What closes them all. */
  requests(): { readonly kind: RequestKind; readonly input: unknown }[] {
    return [...this.#open].map((key) => {
      const [field, number] = key.split(' ') as [Field, string]
      return { kind: CLOSING[field], input: { [field]: Number(number) } }
    })
  }
}

function endedError(): OmenError {
  return errorFromCode(
    'CLOSED',
    'the snapshot, transaction, backup or restore has ended: the tab whose engine held it is gone',
  )
}

function keyOf(field: Field, number: number): string {
  return `${field} ${number}`
}
