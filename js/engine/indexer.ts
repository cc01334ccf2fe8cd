/**
 * Background work in slices: a few milliseconds of `work` at a time, with a turn of the event loop between them, so
 * that requests come through. A runtime whose clock stands still while code runs (workerd) cannot measure slices, and
 * runs nothing after a request was answered: there, each request pays for a fixed number of steps.
 */
import { asOmenError } from './protocol.js'
import type { OmenError } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import { delay, macrotask } from './macrotask.js'
import type { VectorReader } from './vector-reader.js'

export interface IndexerOptions {
  /** Slices of this length, in milliseconds; `null` where no clock can measure them. */
  readonly sliceMs: number | null
  /** When the last step was done. */
  readonly onCaughtUp: () => void
  /** A step failed; nothing more is done until the next write. */
  readonly onError: () => void
  /** A write is on its way: its writer waits for the end of the slice as well. */
  readonly writing: () => boolean
  /** Before each slice. */
  readonly onSlice: () => void
  /** While a checkpoint is open no work can be done; resolves when none is. */
  readonly unblocked: () => Promise<void>
}

/** A slice while requests keep coming: what a request has to wait for, in milliseconds. */
const SLICE_UNDER_LOAD_MS = 2
/**
 * A write of this many rows is a part of an import: its writer waits for every slice, so slices come seldom until no such
 * write came for a while. Searches scan the rows that wait, which is what they would have to do anyway.
 */
const IMPORT_ROWS_MIN = 512
const IMPORT_ENDS_AFTER_MS = 50
const IMPORT_PAUSE_MS = 20
const STEPS_FIRST = 4
/** A step takes more than 1/64 ms; what seems quicker was measured with a coarse clock. */
const STEPS_PER_MS_MAX = 64
/** Steps of a request where slices cannot be measured: at most, per row written, and per read. */
const STEPS_PER_WRITE_MAX = 256
const STEPS_PER_READ = 8
const STEPS_PER_IDLE_TURN = 64

export class Indexer {
  readonly #engine: CoreEngine
  readonly #vectors: VectorReader
  readonly #options: IndexerOptions
  #running: Promise<void> | null = null
  #stopped = false
  #stepsPerMs = STEPS_FIRST
  #requestsSeen = 0
  #requestsBeforeSlice = 0
  #importedAtMs = Number.NEGATIVE_INFINITY
  #left = 0
  /** Writes that wait for the work to be done. */
  #hurrying = 0
  #error: OmenError | null = null
  /** Who wants to know how much is left, after each slice. */
  readonly #watchers = new Set<(left: number) => void>()

  constructor(engine: CoreEngine, vectors: VectorReader, options: IndexerOptions) {
    this.#engine = engine
    this.#vectors = vectors
    this.#options = options
  }

  get busy(): boolean {
    return this.#running !== null
  }

  /** The last step found nothing more to do. */
  get hasCaughtUp(): boolean {
    return this.#left === 0 && this.#error === null
  }

  /** What stopped indexing, until the next write makes it start again. */
  get error(): OmenError | null {
    return this.#error
  }

  /** A request was answered: the next slice is a short one. */
  noteRead(): void {
    this.#requestsSeen += 1
    if (this.#options.sliceMs === null && this.#left > 0 && !this.#stopped) void this.#steps(STEPS_PER_READ)
  }

  /** Rows were written, or the database was opened: there may be work. */
  noteWrite(rows: number): void {
    this.#error = null
    if (this.#stopped) return
    if (this.#options.sliceMs === null) {
      void this.#steps(Math.min(Math.max(rows, STEPS_PER_READ), STEPS_PER_WRITE_MAX))
      return
    }
    this.noteImport(rows)
    this.#running ??= this.#run(this.#options.sliceMs)
  }

  /** So many rows came, and are not written yet. */
  noteImport(rows: number): void {
    if (rows >= IMPORT_ROWS_MIN) this.#importedAtMs = performance.now()
  }

  /** Resolves when there is no more work, or when an error stopped it. `onLeft` hears how many steps are left, about. */
  async idle(onLeft?: (left: number) => void): Promise<void> {
    if (onLeft === undefined) return this.#idle()
    this.#watchers.add(onLeft)
    try {
      await this.#idle()
    } finally {
      this.#watchers.delete(onLeft)
    }
  }

  /** The same for a write that waits for it: without pauses. */
  async hurry(): Promise<void> {
    this.#hurrying += 1
    try {
      this.noteWrite(0)
      await this.#idle()
    } finally {
      this.#hurrying -= 1
    }
  }

  async #idle(): Promise<void> {
    if (this.#options.sliceMs === null) {
      while (!this.#stopped && (await this.#steps(STEPS_PER_IDLE_TURN)) > 0) {
        await macrotask()
        await this.#options.unblocked()
      }
    }
    while (this.#running !== null) await this.#running
  }

  /** No slice begins after this. */
  async stop(): Promise<void> {
    this.#stopped = true
    while (this.#running !== null) await this.#running
  }

  async #run(sliceMs: number): Promise<void> {
    try {
      for (;;) {
        await (this.#isImporting ? delay(IMPORT_PAUSE_MS) : macrotask())
        await this.#options.unblocked()
        if (this.#stopped || (await this.#slice(sliceMs)) === 0) return
      }
    } finally {
      this.#running = null
    }
  }

  get #isImporting(): boolean {
    return this.#hurrying === 0 && performance.now() - this.#importedAtMs < IMPORT_ENDS_AFTER_MS
  }

  /** Steps left. Adapts to how long they take; one long step (the end of a compaction) must not make the rest tiny. */
  async #slice(sliceMs: number): Promise<number> {
    const isLoaded =
      this.#requestsSeen !== this.#requestsBeforeSlice || this.#options.writing() || this.#isImporting
    this.#requestsBeforeSlice = this.#requestsSeen
    const budgetMs = isLoaded ? Math.min(SLICE_UNDER_LOAD_MS, sliceMs) : sliceMs
    const steps = Math.max(1, Math.floor(this.#stepsPerMs * budgetMs))
    const start = performance.now()
    const left = await this.#steps(steps)
    const elapsedMs = performance.now() - start
    // Browsers round the clock; an unmeasurable slice only says that it was short.
    const measured = steps / Math.max(elapsedMs, 0.05)
    const next = Math.min(Math.max(measured, this.#stepsPerMs / 2, 0.01), this.#stepsPerMs * 2)
    this.#stepsPerMs = Math.min(next, STEPS_PER_MS_MAX)
    return left
  }

  /** Steps left. A promise only when vectors had to be read that cannot be read synchronously. */
  #steps(steps: number): number | Promise<number> {
    const failed = (error: unknown): number => {
      this.#left = 0
      this.#error = asOmenError(error)
      this.#options.onError()
      return 0
    }
    const worked = (left: number): number => {
      this.#left = left
      if (left === 0) this.#options.onCaughtUp()
      for (const watcher of this.#watchers) watcher(left)
      return left
    }
    try {
      this.#options.onSlice()
      const left = this.#vectors.read(() => this.#engine.work(steps))
      return left instanceof Promise ? left.then(worked).catch(failed) : worked(left)
    } catch (error) {
      return failed(error)
    }
  }
}
