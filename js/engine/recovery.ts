/**
 * Opening: from stored objects to an engine that holds them (docs/architecture.md, "Recovery").
 *
 * A writer changes nothing stored (the epoch in the head) before the manifest and its objects are known to be sound,
 * and nothing broken is ever taken for an empty database.
 */
import type { StorageSession } from '../../storage/contract.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import { abortedError } from './protocol.js'

/** Objects asked for at the same time: enough to hide a store's latency, few enough to hold in memory. */
const PARALLEL_READS = 4
/** How often opening starts again because a writer replaced the head meanwhile. */
const ATTEMPTS_MAX = 20
const WAL_PREFIX = 'w'
const ENGINE_NAME = /^[wd][0-9a-f]{8}-[0-9a-f]{16}$/
/** Where a frame's sequence begins in its name; as 16 hex digits, so that it compares as text. */
const SEQUENCE_AT = 10

export interface RecoveryOptions {
  readonly database: string
  readonly session: StorageSession
  readonly readOnly: boolean
  readonly createEngine: () => CoreEngine
  readonly signal: AbortSignal | undefined
}

export interface Recovered {
  readonly engine: CoreEngine
  readonly head: Uint8Array
  /** Every object stored, those that nothing refers to included. */
  readonly names: readonly string[]
  /** Bytes of objects read. */
  readonly readBytes: number
}

/**
 * A reader's view is one head and the WAL after it. Between the two a checkpoint may take the WAL away, so the head is
 * read again at the end: what was loaded counts only if the head stayed the same all the while. A head never returns
 * to what it was. A writer's own take-over sees to that instead.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  let head = await options.session.readHead()
  let lookedTwice = false
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    checkNotAborted(options)
    head ??= await lateHead(options)
    const engine = options.createEngine()
    let hasTakenOver = false
    let isReplaying = false
    try {
      if (head === null) engine.openNew()
      else engine.openHead(head)
      let readBytes = await loadObjects(engine, options)
      if (!options.readOnly) {
        head = await takeOver(engine, options, head)
        hasTakenOver = true
      }
      const names = await planReplay(engine, options)
      isReplaying = true
      readBytes += await replay(engine, options)
      if (head !== null && (!options.readOnly || (await isStill(head, options))))
        return { engine, head, names, readBytes }
      engine.dispose()
    } catch (error) {
      engine.dispose()
      if (!(error instanceof OmenError) || error.code !== 'CORRUPTION') throw error
      // Under a head that changed, what was read may just have been deleted. Else it is what it seems; only that a
      // writer takes back a frame that found no room, which a reader may have listed.
      if (head === null || (await isStill(head, options))) {
        if (!options.readOnly || !isReplaying || lookedTwice) throw error
        lookedTwice = true
      } else if (hasTakenOver) {
        throw lostRace(options, error)
      }
    }
    head = await options.session.readHead()
  }
  throw errorFromCode('CONFLICT', `the database changed ${ATTEMPTS_MAX} times while it was being read`)
}

async function isStill(head: Uint8Array, { session }: RecoveryOptions): Promise<boolean> {
  const stored = await session.readHead()
  return stored !== null && sameBytes(head, stored)
}

/** After no head was found: `null` for a database that is really new. Rejects with `NOT_FOUND` when that is no use. */
async function lateHead({ session, database, readOnly }: RecoveryOptions): Promise<Uint8Array | null> {
  const names = await session.list('')
  // A first writer may have begun in between; its head is older than its objects.
  const head = await session.readHead()
  if (head !== null) return head
  if (names.length > 0) {
    throw errorFromCode(
      'CORRUPTION',
      `${JSON.stringify(database)} holds ${names.length} objects but no head; expected a head, or no objects`,
    )
  }
  if (readOnly) throw errorFromCode('NOT_FOUND', `there is no database ${JSON.stringify(database)} to read`)
  return null
}

/** From here on an older writer's put is refused. The WAL is read after this, when nobody adds to it any more. */
async function takeOver(
  engine: CoreEngine,
  options: RecoveryOptions,
  stored: Uint8Array | null,
): Promise<Uint8Array> {
  engine.takeOver()
  const head = engine.encodeHead()
  if (!(await options.session.compareAndSetHead(stored, head))) {
    throw lostRace(options)
  }
  checkNotAborted(options)
  return head
}

function lostRace({ database }: RecoveryOptions, cause?: unknown): OmenError {
  return errorFromCode('LOCKED', `another writer has just opened ${JSON.stringify(database)}`, cause)
}

/** The manifest, then everything it names. Resolves to the bytes read. */
async function loadObjects(engine: CoreEngine, options: RecoveryOptions): Promise<number> {
  const nameOf = (index: number): string => engine.requiredObjectName(index)
  const take = (index: number, bytes: Uint8Array): void => engine.loadObject(index, bytes)
  let readBytes = 0
  // The manifest says what else there is, and that in turn which vectors have to be loaded.
  for (let done = 0; done < engine.requiredObjectCount();) {
    const known = engine.requiredObjectCount()
    readBytes += await readInOrder(options, indexes(done, known), nameOf, take)
    done = known
  }
  engine.finishLoad()
  return readBytes
}

/** Resolves to the names of all stored objects that are the engine's to delete, should nothing refer to them. */
async function planReplay(engine: CoreEngine, options: RecoveryOptions): Promise<string[]> {
  const names = await options.session.list('')
  const wal = names.filter((name) => name.startsWith(WAL_PREFIX))
  for (const name of wal) {
    if (!ENGINE_NAME.test(name)) {
      throw errorFromCode(
        'CORRUPTION',
        `the object ${JSON.stringify(name)} has a name that no WAL object has`,
      )
    }
    engine.offerWalName(name)
  }
  try {
    engine.planReplay()
  } catch (error) {
    if (!(error instanceof OmenError) || error.code !== 'CORRUPTION') throw error
    await offerOverlooked(engine, options, wal)
    engine.planReplay()
  }
  const stored = new Set(names)
  for (const name of engine.vectors.leftObjectNames()) {
    if (stored.has(name)) continue
    throw errorFromCode('CORRUPTION', `object ${name}: expected it to be stored, found nothing`)
  }
  return names.filter((name) => ENGINE_NAME.test(name))
}

/**
 * The listing of a folder is no snapshot: a frame may show and the one before it not, when both came while it was being
 * listed. A second listing has all frames up to the last one of the first; what came after that is left to the writer.
 */
async function offerOverlooked(
  engine: CoreEngine,
  options: RecoveryOptions,
  listed: readonly string[],
): Promise<void> {
  const last = listed.map((name) => name.slice(SEQUENCE_AT)).reduce((a, b) => (a > b ? a : b), '')
  const known = new Set(listed)
  for (const name of await options.session.list(WAL_PREFIX)) {
    if (ENGINE_NAME.test(name) && !known.has(name) && name.slice(SEQUENCE_AT) <= last)
      engine.offerWalName(name)
  }
}

async function replay(engine: CoreEngine, options: RecoveryOptions): Promise<number> {
  return readInOrder(
    options,
    indexes(0, engine.replayCount()),
    (index) => engine.replayName(index),
    (_index, bytes) => engine.replayFrame(bytes),
  )
}

/** Reads a few objects at a time and hands them over in order. Resolves to their bytes. */
async function readInOrder(
  options: RecoveryOptions,
  wanted: readonly number[],
  nameOf: (index: number) => string,
  take: (index: number, bytes: Uint8Array) => void,
): Promise<number> {
  const pending: { index: number; name: string; bytes: Promise<Uint8Array | null> }[] = []
  let next = 0
  let readBytes = 0
  try {
    while (next < wanted.length || pending.length > 0) {
      while (next < wanted.length && pending.length < PARALLEL_READS) {
        const index = wanted[next] as number
        const name = nameOf(index)
        const bytes = options.session.get(name)
        bytes.catch(() => undefined)
        pending.push({ index, name, bytes })
        next += 1
      }
      const first = pending.shift()
      if (first === undefined) break
      const bytes = await first.bytes
      checkNotAborted(options)
      if (bytes === null) {
        throw errorFromCode('CORRUPTION', `object ${first.name}: expected it to be stored, found nothing`)
      }
      take(first.index, bytes)
      readBytes += bytes.length
    }
    return readBytes
  } finally {
    await Promise.allSettled(pending.map((each) => each.bytes))
  }
}

function indexes(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i)
}

function checkNotAborted({ signal }: RecoveryOptions): void {
  if (signal?.aborted === true) throw abortedError(signal, 'open')
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
