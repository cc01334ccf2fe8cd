/**
 * Group commit: writes that wait share one WAL frame; one frame is on its way at a time. Meanwhile the next one is
 * built, when so much is waiting that building takes about as long as storing.
 *
 * A write resolves after its frame is durable and applied, never before. It rejects alone when the core refuses
 * it; with its whole frame when storage does. After a failed `put` other than `QUOTA_EXCEEDED` nobody knows whether
 * the frame is stored, so the handle becomes read-only: going on would let a later frame take the same sequence.
 *
 * A transaction, and a return to an earlier state, is a frame of its own: what it conflicts with, or has to undo, is
 * known only when all frames before it are applied.
 */
import { asOmenError, abortedError, type RequestOptions } from './protocol.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreCollectionOptions, CoreEngine, NamedObject } from '../wasm/core-engine.js'
import type { Handles } from './handles.js'
import type { Store } from './store.js'
import type { VectorReader } from './vector-reader.js'

/** Collections and views by their handles: a backup may be restored while the write waits. */
export type WriteOperation =
  | { readonly kind: 'create'; readonly name: string; readonly options: CoreCollectionOptions }
  | { readonly kind: 'drop'; readonly collection: number }
  | { readonly kind: 'upsert'; readonly collection: number; readonly batch: Uint8Array }
  | { readonly kind: 'delete'; readonly collection: number; readonly ids: Uint8Array }
  | { readonly kind: 'transaction' | 'restore'; readonly view: number }

/** Writes of which none is committed after one was not: parts of one upsert. */
export interface WriteChain {
  broken: Error | null
}

interface Write {
  readonly operation: WriteOperation
  readonly chain: WriteChain | undefined
  readonly token: RequestOptions['token']
  readonly bytes: number
  readonly resolve: (rows: number) => void
  readonly reject: (error: Error) => void
  /** The write is no longer waiting: its signal cannot stop it any more. */
  begun: () => void
}

/** A sealed frame. */
interface Frame {
  readonly writes: readonly Write[]
  readonly object: NamedObject
}

export interface CommitQueueOptions {
  /** A frame of several writes holds at most about this much. */
  readonly frameBytesTarget: number
  /** Resolves when WAL and memory may grow by a payload of so many bytes; a rejection is that of the writes that wait. */
  readonly roomForFrame: (payloadBytes: number) => Promise<void>
  /** They may now. */
  readonly hasRoomForFrame: (payloadBytes: number) => boolean
  /** For what a return to an earlier state needs of it. */
  readonly vectors: VectorReader
  /** The time of a commit, in milliseconds since 1970. It never falls. */
  readonly now: () => number
  /** After a frame was applied, with the rows it changed. */
  readonly onApplied: (rows: number) => void
}

/** Bytes that a frame and an operation take beside the payload; rounded up generously. */
const FRAME_OVERHEAD_BYTES = 256
const OPERATION_OVERHEAD_BYTES = 64
/** A checksum of 4 bytes for each block of 65,536. */
const CHECKSUM_SHARE = 1 / 8192
/** A write of this many bytes is worth a frame of its own before the frame on its way is stored; smaller ones gather. */
const AHEAD_BYTES_MIN = 1 << 18
/** Frames before a checkpoint that waits gets its turn. */
const FRAMES_AT_A_TIME = 4

export class CommitQueue {
  readonly #engine: CoreEngine
  readonly #store: Store
  readonly #options: CommitQueueOptions
  readonly #handles: Handles
  #waiting: Write[] = []
  #acceptedBytes = 0
  #closed = false
  #pump: Promise<void> | null = null

  constructor(engine: CoreEngine, store: Store, handles: Handles, options: CommitQueueOptions) {
    this.#engine = engine
    this.#store = store
    this.#handles = handles
    this.#options = options
  }

  get busy(): boolean {
    return this.#pump !== null
  }

  /** Bytes of rows and ids that were committed. */
  get acceptedBytes(): number {
    return this.#acceptedBytes
  }

  /** Resolves, when durable and applied, to the rows that the operation changed. */
  submit(
    operation: WriteOperation,
    { signal, token }: RequestOptions = {},
    chain?: WriteChain,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(errorFromCode('CLOSED', 'the database was closed'))
        return
      }
      if (signal?.aborted === true) {
        reject(abortedError(signal, operation.kind))
        return
      }
      const bytes = payloadBytes(operation)
      const write: Write = { operation, chain, token, bytes, resolve, reject, begun: nothing }
      if (signal !== undefined) this.#rejectOnAbort(write, signal)
      this.#waiting.push(write)
      this.#pump ??= this.#run()
    })
  }

  /** Refuses what comes from now on (the next part of an upsert, say); resolves when all before it is done. */
  async close(): Promise<void> {
    this.#closed = true
    await this.drained()
  }

  /** Resolves when no write waits or is on its way. */
  async drained(): Promise<void> {
    while (this.#pump !== null) await this.#pump
  }

  /** A write that still waits need not wait for the frame before it to be given up. */
  #rejectOnAbort(write: Write, signal: AbortSignal): void {
    const onAbort = (): void => {
      const at = this.#waiting.indexOf(write)
      if (at < 0) return
      this.#waiting.splice(at, 1)
      rejectWrite(write, abortedError(signal, write.operation.kind))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    write.begun = () => signal.removeEventListener('abort', onAbort)
  }

  async #run(): Promise<void> {
    // The writes of one turn share the first frame.
    await Promise.resolve()
    try {
      while (this.#waiting.length > 0) {
        await this.#options.roomForFrame(this.#waiting[0]?.bytes ?? 0)
        await this.#store.exclusive(() => this.#commitFrames())
      }
    } catch (error) {
      this.#rejectWaiting(asOmenError(error))
    } finally {
      this.#pump = null
    }
  }

  /** Stores and applies a frame of what waits, and then those that could be built meanwhile. */
  async #commitFrames(): Promise<void> {
    if (this.#store.readOnlyReason !== null) {
      this.#rejectWaiting(this.#store.readOnlyError())
      return
    }
    try {
      this.#engine.beginFrame(this.#options.now())
    } catch (error) {
      this.#rejectWaiting(asOmenError(error))
      return
    }
    let frame =
      this.#waiting[0]?.operation.kind === 'restore'
        ? await this.#buildRestore()
        : this.#build((write, isFirst) => isFirst || !isAlone(write))
    for (let count = 1; frame !== null; count += 1) {
      const stored = this.#store.put(frame.object)
      // Awaited right after the next frame is built.
      stored.catch(nothing)
      const mayGoOn = count < FRAMES_AT_A_TIME || !this.#store.contended
      const next = mayGoOn ? this.#buildAhead(frame) : null
      try {
        await stored
      } catch (error) {
        this.#takeBack(next)
        await this.#refused(frame.writes, frame.object.name, asOmenError(error, 'STORAGE_FAILED'))
        return
      }
      if (!this.#apply(frame) || (next !== null && this.#store.readOnlyReason !== null)) {
        this.#takeBack(next)
        return
      }
      frame = next
    }
  }

  /** The frame after one that is on its way; `null` when there is nothing to gain, or it has to wait for that one. */
  #buildAhead(before: Frame): Frame | null {
    const [first] = this.#waiting
    if (first === undefined || first.bytes < AHEAD_BYTES_MIN || !before.writes.every(isOfRows)) return null
    if (!isOfRows(first) || this.#store.ephemeral || !this.#options.hasRoomForFrame(first.bytes)) return null
    try {
      this.#engine.beginFrame(this.#options.now())
    } catch {
      // Without memory for two at once they come one after the other.
      return null
    }
    return this.#build(isOfRows)
  }

  /** The one before it came to nothing: what was to be in it waits again, for another. */
  #takeBack(frame: Frame | null): void {
    if (frame === null) return
    this.#waiting.unshift(...frame.writes)
    try {
      this.#engine.discardFrame()
    } catch {
      // The engine is unusable, and the next attempt to write says so.
    }
  }

  /** The frame of a return to an earlier state, whose rows may have to be read. */
  async #buildRestore(): Promise<Frame | null> {
    const [write] = this.#waiting.splice(0, 1)
    if (write?.operation.kind !== 'restore') return null
    const { view } = write.operation
    write.begun()
    try {
      await this.#options.vectors.read(() => {
        this.#engine.frameRestore(this.#handles.view(view))
        return true
      })
    } catch (error) {
      this.#giveUp([write], error)
      return null
    }
    return this.#seal([write], () => this.#addToken(write))
  }

  /** Fills and seals the frame begun; `null` when nothing came of it. */
  #build(mayTake: (write: Write, isFirst: boolean) => boolean): Frame | null {
    const writes: Write[] = []
    return this.#seal(writes, () => this.#fill(writes, mayTake))
  }

  #seal(writes: readonly Write[], fill: () => void): Frame | null {
    let object: NamedObject
    try {
      fill()
      if (writes.length === 0) {
        this.#engine.discardFrame()
        return null
      }
      object = this.#engine.sealFrame()
    } catch (error) {
      if (isEmptyFrame(writes, error)) {
        this.#engine.discardFrame()
        for (const write of writes) write.resolve(0)
      } else {
        this.#giveUp(writes, error)
      }
      return null
    }
    const limit = this.#store.adapter.capabilities.largestObjectBytes
    if (object.bytes.length > limit) {
      this.#giveUp(
        writes,
        errorFromCode(
          'LIMIT_EXCEEDED',
          `this write takes ${object.bytes.length} bytes; one object of the ${this.#store.adapter.name} storage ` +
            `has at most ${limit}`,
        ),
      )
      return null
    }
    return { writes, object }
  }

  /** Adds waiting writes to the open frame; one that the core refuses is rejected alone. */
  #fill(writes: Write[], mayTake: (write: Write, isFirst: boolean) => boolean): void {
    const bytesMax = Math.min(
      this.#options.frameBytesTarget,
      this.#store.adapter.capabilities.largestObjectBytes,
    )
    let bytes = FRAME_OVERHEAD_BYTES
    for (;;) {
      const write = this.#waiting[0]
      if (write === undefined) return
      const after = bytes + (write.bytes + OPERATION_OVERHEAD_BYTES) * (1 + CHECKSUM_SHARE)
      const isFull = after > bytesMax
      const isFirst = writes.length === 0
      if ((!isFirst && isFull) || !mayTake(write, isFirst)) return
      this.#waiting.shift()
      write.begun()
      const broken = write.chain?.broken ?? null
      if (broken !== null) {
        write.reject(broken)
        continue
      }
      try {
        this.#add(write.operation)
      } catch (error) {
        rejectWrite(write, asOmenError(error))
        if (this.#engine.failed) throw error
        continue
      }
      writes.push(write)
      this.#addToken(write)
      if (isAlone(write)) return
      bytes = after
    }
  }

  #addToken({ token }: Write): void {
    if (token !== undefined) this.#engine.frameToken(token)
  }

  #add(operation: WriteOperation): void {
    switch (operation.kind) {
      case 'create':
        this.#engine.frameCreate(operation.name, operation.options)
        break
      case 'drop':
        this.#engine.frameDrop(this.#handles.collection(operation.collection))
        break
      case 'upsert':
        this.#engine.frameUpsert(this.#handles.collection(operation.collection), operation.batch)
        break
      case 'delete':
        this.#engine.frameDelete(this.#handles.collection(operation.collection), operation.ids)
        break
      case 'transaction':
        this.#engine.frameTransaction(this.#handles.view(operation.view))
        break
      case 'restore':
        // Always the first to wait, and the only one in its frame.
        break
    }
  }

  /** The oldest frame is durable. False when the engine failed. */
  #apply({ writes, object }: Frame): boolean {
    let rows: number
    try {
      this.#engine.applyFrame()
      this.#store.names.add(object.name)
      const counts = writes.map((_, i) => this.#engine.appliedCount(i))
      for (const [i, write] of writes.entries()) write.resolve(counts[i] as number)
      rows = counts.reduce((sum, count) => sum + count, 0)
      for (const write of writes) this.#acceptedBytes += acceptedBytes(write, object)
    } catch (error) {
      // It is durable and will be found by the next open; this engine cannot say so any more, nor anything else.
      const failure = asOmenError(error)
      for (const write of writes) rejectWrite(write, failure)
      return false
    }
    this.#options.onApplied(rows)
    return true
  }

  async #refused(writes: readonly Write[], name: string, error: Error & { code: string }): Promise<void> {
    if (error.code !== 'QUOTA_EXCEEDED' || !(await this.#removeForCertain(name))) {
      this.#store.becomeReadOnly(
        error.code === 'LOCKED'
          ? `another writer has taken over the database (${error.message}); open it again to write`
          : `a write had an unknown outcome (${error.code}: ${error.message}); open the database again to write`,
      )
    }
    this.#giveUp(writes, error)
  }

  /** Whether an object that found no room is gone for certain, so that its name can be used for the next frame. */
  async #removeForCertain(name: string): Promise<boolean> {
    try {
      await this.#store.session.delete([name])
      return true
    } catch {
      return false
    }
  }

  #giveUp(writes: readonly Write[], error: unknown): void {
    for (const write of writes) rejectWrite(write, asOmenError(error))
    if (this.#engine.failed) {
      this.#rejectWaiting(asOmenError(error))
      return
    }
    try {
      this.#engine.discardFrame()
    } catch (failure) {
      this.#rejectWaiting(asOmenError(failure))
    }
  }

  #rejectWaiting(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const write of waiting) {
      write.begun()
      rejectWrite(write, error)
    }
  }
}

function nothing(): void {}

function rejectWrite(write: Write, error: Error): void {
  if (write.chain !== undefined) write.chain.broken ??= error
  write.reject(error)
}

/** It depends on no frame before it, and nothing but rows depends on it. */
function isOfRows({ operation }: Write): boolean {
  return operation.kind === 'upsert' || operation.kind === 'delete'
}

function isAlone({ operation }: Write): boolean {
  return operation.kind === 'transaction' || operation.kind === 'restore'
}

/** A transaction that wrote nothing, or a return to the state that is there. */
function isEmptyFrame(writes: readonly Write[], error: unknown): boolean {
  const [write] = writes
  return (
    write !== undefined && isAlone(write) && error instanceof OmenError && error.code === 'INVALID_ARGUMENT'
  )
}

/** What a caller gave to be kept. Of a transaction only its frame tells. */
function acceptedBytes(write: Write, frame: NamedObject): number {
  if (isAlone(write)) return frame.bytes.length
  return write.operation.kind === 'upsert' || write.operation.kind === 'delete' ? write.bytes : 0
}

function payloadBytes(operation: WriteOperation): number {
  switch (operation.kind) {
    case 'transaction':
    case 'restore':
      return 0
    case 'create':
    case 'drop':
      // A name has at most 255 bytes.
      return 512
    case 'upsert':
      return operation.batch.length
    case 'delete':
      return operation.ids.length
  }
}
