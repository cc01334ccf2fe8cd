/**
 * A database's life, drawn at random: what is asked of it, with what it must hold after each write.
 *
 * Writes are counted. State `n` is what the first `n` of them leave; a crash may leave any state between those that were
 * durable and those that were asked for (`Life.allowedAt`). Steps that write nothing (a checkpoint, a backup) are there for
 * what they do to the storage.
 */
import type { Database } from '../../js/api/database.js'
import type { Durability, Id } from '../../js/api/types.js'
import { OmenError } from '../../js/errors/omen-error.js'
import { openInPlace, vectorOf } from '../js/engine/open-in-place.js'
import type { Contents } from '../js/engine/scenario.js'
import type { Journal } from './journal.js'

/** 130 rows of this are more than 1 MiB of vectors: they stay in their WAL frame. */
const WIDE_DIMENSIONS = 2048
const WIDE_ROWS = 130
/** Enough for the graph to be worth a checkpoint that nobody asked for. */
const MANY_ROWS = 1010
const NAMES = ['notes', 'other', 'wide'] as const
const IDS: readonly Id[] = ['a', 'b', 'c', 'd', 1, 1n, 2n, '1']

/** How often each kind of step is drawn. */
const WEIGHTS = {
  upsert: 6,
  burst: 3,
  delete: 3,
  create: 2,
  drop: 1,
  // These two make every later state slow to compare: the simulation asks for them in some lives.
  'large upload': 0,
  'checkpoint unasked': 0,
  transaction: 3,
  conflict: 1,
  flush: 4,
  'flush amid writes': 2,
  'restore to': 2,
  backup: 1,
  'restore backup': 2,
  reopen: 1,
}
export type StepKind = keyof typeof WEIGHTS
export const STEP_KINDS = Object.keys(WEIGHTS) as StepKind[]

const wideVectors = new Map<number, number[]>()

export function vectorIn(name: string, seed: number): readonly number[] {
  if (name !== 'wide') return vectorOf(seed)
  let vector = wideVectors.get(seed)
  if (vector === undefined) {
    vector = Array.from({ length: WIDE_DIMENSIONS }, (_, i) => Math.fround(Math.sin(seed + i)))
    wideVectors.set(seed, vector)
  }
  return vector
}

export interface LifeOptions {
  readonly durability: Durability
  readonly retentionMs: number
}

interface Row {
  readonly id: Id
  readonly seed: number
}

/** Writes by count: after `from` of them, and after `to`. */
export interface Allowed {
  readonly from: number
  readonly to: number
}

export class Life {
  readonly journal: Journal
  readonly options: LifeOptions
  /** By number of writes. */
  readonly states: Contents[]
  /** Sequences that were read when all writes were acknowledged, and the state then. */
  readonly sequences: { readonly sequence: number; readonly state: number }[] = []
  /** Kinds of steps that were lived through. */
  readonly kinds = new Set<StepKind>()
  readonly #random: () => number
  /** Instants by write: when it was asked for, acknowledged, and known to be durable. */
  readonly #asked: number[] = []
  readonly #acknowledged: number[] = []
  readonly #durable: number[] = []
  #db: Database | null = null
  #nextSeed = 1
  #backup: { readonly bytes: Uint8Array; readonly contents: Contents } | null = null

  constructor(journal: Journal, contents: Contents, random: () => number, options: LifeOptions) {
    this.journal = journal
    this.states = [contents]
    this.#random = random
    this.options = options
  }

  /** States that a crash just after `instant` may leave. */
  allowedAt(instant: number, machineFailed: boolean): Allowed {
    const before = (instants: readonly number[]): number => instants.filter((each) => each <= instant).length
    return { from: before(machineFailed ? this.#durable : this.#acknowledged), to: before(this.#asked) }
  }

  get db(): Database {
    if (this.#db === null) throw new Error('the life has not begun')
    return this.#db
  }

  async begin(): Promise<void> {
    const { durability, retentionMs } = this.options
    this.#db = (await openInPlace(this.journal.disk, { durability, retentionMs })).db
  }

  /** What `close` resolved to is durable whatever the durability of writes is. */
  async end(): Promise<void> {
    const count = this.#acknowledged.length
    await this.db.close()
    this.#becameDurable(count)
  }

  /** A step of this kind, or one drawn at random. What finds nothing to do does nothing. */
  async step(kind: StepKind = this.#draw()): Promise<void> {
    const writes = this.states.length
    const changes = this.journal.operations.length
    await this.#steps[kind]()
    if (this.states.length > writes || this.journal.operations.length > changes) this.kinds.add(kind)
    await this.#noteSequence()
  }

  #draw(): StepKind {
    const kinds = Object.keys(WEIGHTS) as StepKind[]
    let dice = this.#random() * kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0)
    return kinds.find((kind) => (dice -= WEIGHTS[kind]) < 0) ?? 'upsert'
  }

  readonly #steps: Record<StepKind, () => Promise<void>> = {
    upsert: () => this.#write(this.#upsert(this.#collection(), this.#rows())),
    burst: () => this.#burst(),
    delete: () => this.#write(this.#delete(this.#collection(), this.#someIds())),
    create: () => this.#create(),
    drop: () => this.#drop(),
    'large upload': () => this.#uploadLarge(),
    transaction: () => this.#transaction(),
    conflict: () => this.#conflict(),
    flush: () => this.#flush(),
    'flush amid writes': () => this.#flushAmidWrites(),
    'restore to': () => this.#restoreTo(),
    backup: () => this.#takeBackup(),
    'restore backup': () => this.#restoreBackup(),
    reopen: () => this.#reopen(),
    'checkpoint unasked': () => this.#checkpointUnasked(),
  }

  get #contents(): Contents {
    return this.states.at(-1)!
  }

  #integer(below: number): number {
    return Math.floor(this.#random() * below)
  }

  #collection(): string {
    const names = [...this.#contents.keys()].filter((name) => name !== 'wide' || this.#random() < 0.3)
    return names[this.#integer(names.length)] ?? ''
  }

  #someIds(): Id[] {
    return IDS.filter(() => this.#random() < 0.4)
  }

  #rows(count = 0): Row[] {
    const ids = count > 0 ? Array.from({ length: count }, (_, i) => i) : this.#someIds()
    return ids.map((id) => ({ id, seed: this.#nextSeed++ % 1000 }))
  }

  /** Asks for a write and notes when; what it changes is in the model from now on. */
  #ask(change: (contents: Contents) => void): (instant: number) => void {
    const next: Contents = new Map([...this.#contents].map(([name, rows]) => [name, new Map(rows)]))
    change(next)
    this.states.push(next)
    const write = this.#asked.push(this.journal.tick()) - 1
    return (instant) => {
      this.#acknowledged[write] = instant
      if (this.options.durability === 'strict') this.#durable[write] = instant
    }
  }

  #becameDurable(count: number): void {
    const instant = this.journal.tick()
    for (let write = 0; write < count; write += 1) this.#durable[write] ??= instant
  }

  async #write(work: Work | null): Promise<void> {
    if (work === null) return
    const acknowledge = this.#ask(work.apply)
    await work.run(this.db)
    acknowledge(this.journal.tick())
  }

  #upsert(name: string, rows: readonly Row[]): Work | null {
    if (!this.#contents.has(name) || rows.length === 0) return null
    return {
      run: async (db) => (await db.collection(name)).upsert(rows.map((row) => inputOf(name, row))),
      apply: (contents) => rows.forEach(({ id, seed }) => contents.get(name)?.set(id, seed)),
    }
  }

  #delete(name: string, ids: readonly Id[]): Work | null {
    if (!this.#contents.has(name) || ids.length === 0) return null
    return {
      run: async (db) => (await db.collection(name)).delete(ids),
      apply: (contents) => ids.forEach((id) => contents.get(name)?.delete(id)),
    }
  }

  /** Writes that do not wait for each other: they share frames. */
  async #burst(): Promise<void> {
    const name = this.#collection()
    const collection = this.#contents.has(name) ? await this.db.collection(name) : null
    const writes: Promise<void>[] = []
    for (let i = 0; i < 5 && collection !== null; i += 1) {
      const rows = this.#rows()
      if (rows.length === 0) continue
      const acknowledge = this.#ask((contents) =>
        rows.forEach(({ id, seed }) => contents.get(name)?.set(id, seed)),
      )
      const write = collection.upsert(rows.map((row) => inputOf(name, row)))
      writes.push(write.then(() => acknowledge(this.journal.tick())))
      if (this.#random() < 0.3) await new Promise(setImmediate)
    }
    await Promise.all(writes)
  }

  async #create(name = NAMES.find((each) => !this.#contents.has(each))): Promise<void> {
    if (name === undefined || this.#contents.has(name)) return
    const dimensions = vectorIn(name, 0).length
    await this.#write({
      run: (db) => db.collection(name, { dimensions, metric: 'l2', index: { M: 4, efConstruction: 8 } }),
      apply: (contents) => contents.set(name, new Map()),
    })
  }

  async #drop(): Promise<void> {
    const name = this.#collection()
    if (name !== '') await this.#write({ run: (db) => db.drop(name), apply: (all) => all.delete(name) })
  }

  async #uploadLarge(): Promise<void> {
    await this.#create('wide')
    await this.#write(this.#upsert('wide', this.#rows(WIDE_ROWS)))
  }

  /** All of it or nothing, over several collections. */
  async #transaction(): Promise<void> {
    const works = [...this.#contents.keys()]
      .filter((name) => name !== 'wide')
      .map((name) => ({ name, rows: this.#rows(), gone: this.#someIds() }))
    if (works.every(({ rows, gone }) => rows.length === 0 && gone.length === 0)) return
    await this.#write({
      run: (db) =>
        db.transaction(async (transaction) => {
          for (const { name, rows, gone } of works) {
            const collection = await transaction.collection(name)
            if (rows.length > 0) await collection.upsert(rows.map((row) => inputOf(name, row)))
            if (gone.length > 0) await collection.delete(gone)
          }
        }),
      apply: (contents) => {
        for (const { name, rows, gone } of works) {
          for (const { id, seed } of rows) contents.get(name)?.set(id, seed)
          for (const id of gone) contents.get(name)?.delete(id)
        }
      },
    })
  }

  /** A transaction that another write makes impossible: nothing of it may ever be there. */
  async #conflict(): Promise<void> {
    const name = this.#collection()
    if (name === '' || name === 'wide') return
    const rows = this.#rows()
    const [first] = rows
    if (first === undefined) return
    const code = await this.db
      .transaction(async (transaction) => {
        const collection = await transaction.collection(name)
        await collection.upsert(rows.map(({ id }) => inputOf(name, { id, seed: 999 })))
        await this.#write(this.#upsert(name, [first]))
      })
      .then(
        () => 'committed',
        (error: unknown) => (error instanceof OmenError ? error.code : String(error)),
      )
    if (code !== 'CONFLICT') throw new Error(`a transaction with a conflict was answered with ${code}`)
  }

  async #flush(): Promise<void> {
    const count = this.#acknowledged.length
    await this.db.flush()
    this.#becameDurable(count)
  }

  async #flushAmidWrites(): Promise<void> {
    const flush = this.#flush()
    for (let i = 0; i < 3; i += 1) {
      if (this.#random() < 0.5) await new Promise(setImmediate)
      await this.#write(this.#upsert(this.#collection(), this.#rows()))
    }
    await flush
  }

  async #noteSequence(): Promise<void> {
    const { sequence } = await this.db.stats()
    this.sequences.push({ sequence, state: this.states.length - 1 })
  }

  async #restoreTo(): Promise<void> {
    const { oldestSequence } = await this.db.stats()
    const past = this.sequences.filter(({ sequence }) => sequence >= oldestSequence)
    const target = past[this.#integer(past.length)]
    if (target === undefined) return
    const contents = this.states[target.state]!
    await this.#write({
      run: (db) => db.restore({ to: target.sequence }),
      apply: (all) => replace(all, contents),
    })
  }

  async #takeBackup(): Promise<void> {
    const contents = this.#contents
    const stream = await this.db.backup()
    // A checkpoint may not delete what the backup still needs.
    await this.#write(this.#upsert(this.#collection(), this.#rows()))
    await this.db.flush()
    this.#backup = { bytes: new Uint8Array(await new Response(stream).arrayBuffer()), contents }
  }

  async #restoreBackup(): Promise<void> {
    if (this.#backup === null) await this.#takeBackup()
    const backup = this.#backup!
    // What the database remembered of its past is the backup's from here on.
    this.sequences.length = 0
    await this.#write({
      run: (db) => db.restore(new Blob([backup.bytes.slice()]).stream()),
      apply: (all) => replace(all, backup.contents),
    })
    // The head that names it is durable when it is set.
    this.#becameDurable(this.#acknowledged.length)
  }

  async #reopen(): Promise<void> {
    await this.end()
    await this.begin()
  }

  /** The graph of so many rows is stored when it is done, asked for or not. */
  async #checkpointUnasked(): Promise<void> {
    const name = 'notes'
    await this.#create(name)
    const rows = this.#rows(MANY_ROWS)
    await this.#write(this.#upsert(name, rows))
    await this.db.idle()
    await this.#write(
      this.#delete(
        name,
        rows.map(({ id }) => id),
      ),
    )
  }
}

interface Work {
  readonly run: (db: Database) => Promise<unknown>
  readonly apply: (contents: Contents) => void
}

function inputOf(name: string, { id, seed }: Row) {
  return { id, vector: vectorIn(name, seed), metadata: { seed } }
}

function replace(contents: Contents, by: Contents): void {
  contents.clear()
  for (const [name, rows] of by) contents.set(name, new Map(rows))
}
