/**
 * Opening: from stored objects to an engine that holds them (docs/architecture.md, "Recovery").
 *
 * Nothing stored is changed before the head is known to be sound, and nothing broken is ever taken for an
 * empty database.
 */
import type { StorageSession } from '../../storage/contract.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import { abortedError } from './protocol.js'

/** Objects asked for at the same time: enough to hide a store's latency, few enough to hold in memory. */
const PARALLEL_READS = 4
/** How often a reader starts again because a writer's checkpoint deleted what it was about to read. */
const READER_ATTEMPTS_MAX = 20
const WAL_PREFIX = 'w'
const ENGINE_NAME = /^[wd][0-9a-f]{8}-[0-9a-f]{16}$/

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
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  return options.readOnly ? recoverReader(options) : recoverWriter(options)
}

async function recoverWriter(options: RecoveryOptions): Promise<Recovered> {
  const { session } = options
  const stored = await session.readHead()
  checkNotAborted(options)
  const engine = options.createEngine()
  try {
    if (stored === null) {
      await requireNoObjects(options)
      engine.openNew()
    } else {
      engine.openHead(stored)
    }
    engine.takeOver()
    const head = engine.encodeHead()
    // From here on an older writer's put is refused.
    await replaceHead(options, stored, head)
    const names = await load(engine, options)
    return { engine, head, names }
  } catch (error) {
    engine.dispose()
    throw error
  }
}

async function recoverReader(options: RecoveryOptions): Promise<Recovered> {
  let head = await options.session.readHead()
  for (let attempt = 1; ; attempt += 1) {
    if (head === null) {
      await requireNoObjects(options)
      throw errorFromCode('NOT_FOUND', `there is no database ${JSON.stringify(options.database)} to read`)
    }
    checkNotAborted(options)
    const engine = options.createEngine()
    try {
      engine.openHead(head)
      return { engine, head, names: await load(engine, options) }
    } catch (error) {
      engine.dispose()
      // A checkpoint may have replaced what was being read. Then the head is another one; else it is what it seems.
      if (!(error instanceof OmenError) || error.code !== 'CORRUPTION') throw error
      const next = await options.session.readHead()
      if (next === null || sameBytes(head, next)) throw error
      if (attempt === READER_ATTEMPTS_MAX) {
        throw errorFromCode(
          'CONFLICT',
          `the database changed ${attempt} times while it was being read`,
          error,
        )
      }
      head = next
    }
  }
}

async function replaceHead(
  options: RecoveryOptions,
  expected: Uint8Array | null,
  next: Uint8Array,
): Promise<void> {
  if (!(await options.session.compareAndSetHead(expected, next))) {
    throw errorFromCode('LOCKED', `another writer has just opened ${JSON.stringify(options.database)}`)
  }
  checkNotAborted(options)
}

async function requireNoObjects({ session, database }: RecoveryOptions): Promise<void> {
  const names = await session.list('')
  if (names.length > 0) {
    throw errorFromCode(
      'CORRUPTION',
      `${JSON.stringify(database)} holds ${names.length} objects but no head; expected a head, or no objects`,
    )
  }
}

async function load(engine: CoreEngine, options: RecoveryOptions): Promise<string[]> {
  // The manifest names the rest.
  const manifestCount = engine.requiredObjectCount()
  await readInOrder(options, indexes(0, manifestCount), requiredName(engine), (index, bytes) =>
    engine.loadObject(index, bytes),
  )
  await readInOrder(
    options,
    indexes(manifestCount, engine.requiredObjectCount()),
    requiredName(engine),
    (index, bytes) => engine.loadObject(index, bytes),
  )
  engine.finishLoad()

  const names = await options.session.list('')
  for (const name of names) {
    if (!name.startsWith(WAL_PREFIX)) continue
    if (!ENGINE_NAME.test(name)) {
      throw errorFromCode(
        'CORRUPTION',
        `the object ${JSON.stringify(name)} has a name that no WAL object has`,
      )
    }
    engine.offerWalName(name)
  }
  engine.planReplay()
  await readInOrder(
    options,
    indexes(0, engine.replayCount()),
    (index) => engine.replayName(index),
    (_index, bytes) => engine.replayFrame(bytes),
  )
  // What the engine did not name is not the engine's to delete.
  return names.filter((name) => ENGINE_NAME.test(name))
}

function requiredName(engine: CoreEngine): (index: number) => string {
  return (index) => engine.requiredObjectName(index)
}

/** Reads a few objects at a time and hands them over in order. */
async function readInOrder(
  options: RecoveryOptions,
  wanted: readonly number[],
  nameOf: (index: number) => string,
  take: (index: number, bytes: Uint8Array) => void,
): Promise<void> {
  const pending: { index: number; name: string; bytes: Promise<Uint8Array | null> }[] = []
  let next = 0
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
    }
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
