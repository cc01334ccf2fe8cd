import { describe, expect, it } from 'vitest'
import { codeOf, messageOf } from './error-of.js'
import { loadCore, newEngine } from './open-core.js'
import {
  type CollectionId,
  type CoreCollectionOptions,
  CoreEngine,
  type NamedObject,
} from '../../../js/wasm/core-engine.js'
import { INCLUDE_METADATA, INCLUDE_VECTORS } from '../../../js/wasm/core-values.js'
import {
  decodeGetAnswer,
  decodeListAnswer,
  decodeSearchAnswer,
  encodeIdList,
  encodeRowBatch,
  type RowId,
} from '../../../js/wasm/row-batch.js'

const DIMENSIONS = 4
const ALL = INCLUDE_METADATA | INCLUDE_VECTORS
const OPTIONS: CoreCollectionOptions = {
  dimensions: DIMENSIONS,
  metric: 'l2',
  quantization: 'sq8',
  degree: 16,
  efConstruction: 200,
}

function batchOf(ids: readonly RowId[], metadata?: readonly unknown[], dimensions = DIMENSIONS): Uint8Array {
  const vectors = new Float32Array(ids.length * dimensions).map((_, i) => Math.floor(i / dimensions))
  return encodeRowBatch({ dimensions, ids, vectors, metadata }, 0, Number.MAX_SAFE_INTEGER).batch
}

/** Writes one frame and applies it, as if storage had taken it. */
function commit(engine: CoreEngine, build: (engine: CoreEngine) => void): NamedObject {
  engine.beginFrame()
  build(engine)
  const object = engine.sealFrame()
  engine.applyFrame()
  return object
}

function createCollection(engine: CoreEngine, name = 'notes', options = OPTIONS): CollectionId {
  commit(engine, () => {
    engine.frameCreate(name, options)
  })
  return engine.findCollection(name)
}

async function withRows(ids: readonly RowId[]): Promise<{ engine: CoreEngine; collection: CollectionId }> {
  const engine = await newEngine()
  const collection = createCollection(engine)
  commit(engine, () => {
    engine.frameUpsert(collection, batchOf(ids))
  })
  return { engine, collection }
}

function nearest(engine: CoreEngine, collection: CollectionId, value: number, k: number): RowId[] {
  const queries = new Float32Array(DIMENSIONS).fill(value)
  const request = { collection, queries, queryCount: 1, k, efSearch: 0, exact: false, include: ALL }
  return decodeSearchAnswer(engine.search(request)).rows.ids
}

describe('CoreEngine', () => {
  it('stores rows and finds them', async () => {
    const engine = await newEngine()
    const collection = createCollection(engine)
    const object = commit(engine, () => {
      engine.frameUpsert(collection, batchOf(['a', 2, 3n], [{ x: 1 }, undefined, 'y']))
    })
    expect(object.name).toMatch(/^w[0-9a-f]{8}-[0-9a-f]{16}$/)
    expect(object.bytes.buffer.byteLength).toBe(object.bytes.length)
    expect(engine.sequence()).toBe(2n)
    expect(engine.appliedCount(0)).toBe(3)
    expect(engine.count(collection)).toBe(3)

    const request = {
      collection,
      queries: new Float32Array(4).fill(2),
      queryCount: 1,
      k: 2,
      efSearch: 0,
      exact: true,
      include: ALL,
    }
    const { hitCounts, distances, rows } = decodeSearchAnswer(engine.search(request))
    expect([...hitCounts]).toEqual([2])
    expect([...distances]).toEqual([0, 2])
    expect(rows.ids).toEqual([3n, 2])
    expect(rows.metadata).toEqual(['y', undefined])
    expect([...rows.vectors!]).toEqual([2, 2, 2, 2, 1, 1, 1, 1])
  })

  it('gets, lists and deletes rows', async () => {
    const { engine, collection } = await withRows(['a', 'b', 'c'])
    const got = decodeGetAnswer(engine.get(collection, encodeIdList(['c', 'x', 'a']), ALL))
    expect([...got.present]).toEqual([1, 0, 1])
    expect(got.rows.ids).toEqual(['c', 'a'])

    const first = decodeListAnswer(engine.list(collection, 0n, 2, 0))
    expect(first.rows.ids).toEqual(['a', 'b'])
    expect(first.rows.vectors).toBeUndefined()
    const second = decodeListAnswer(engine.list(collection, first.nextCursor, 2, 0))
    expect(second.rows.ids).toEqual(['c'])
    expect(second.nextCursor).toBe(0n)
    const cursor = engine.cursorAfter(collection, encodeIdList(['a']))
    expect(decodeListAnswer(engine.list(collection, cursor, 9, 0)).rows.ids).toEqual(['b', 'c'])

    commit(engine, () => {
      engine.frameDelete(collection, encodeIdList(['b', 'x']))
    })
    expect(engine.appliedCount(0)).toBe(1)
    expect(nearest(engine, collection, 0, 9)).toEqual(['a', 'c'])
  })

  it('keeps the options of a collection', async () => {
    const engine = await newEngine()
    const options = {
      dimensions: 7,
      metric: 'dot',
      quantization: 'none',
      degree: 8,
      efConstruction: 99,
      vectorType: 'int8',
      seed: 2n ** 64n - 1n,
    } as const
    const collection = createCollection(engine, 'naïve 😀', options)
    expect(engine.collectionOptions(collection)).toEqual(options)
    expect(engine.collectionName(collection)).toBe('naïve 😀')
    expect(engine.collectionCount()).toBe(1)
    expect(engine.collections()).toEqual([collection])
    expect(engine.findCollection('other')).toBe(0)
    commit(engine, () => {
      engine.frameDrop(collection)
    })
    expect(engine.collectionCount()).toBe(0)
  })

  it('comes back from its WAL', async () => {
    const first = await newEngine()
    const head = first.encodeHead()
    const frames: NamedObject[] = []
    frames.push(commit(first, () => first.frameCreate('notes', OPTIONS)))
    const collection = first.findCollection('notes')
    frames.push(commit(first, () => first.frameUpsert(collection, batchOf(['a', 'b'], ['x', 'y']))))

    const second = CoreEngine.create(await loadCore())
    second.openHead(head)
    expect(second.requiredObjectCount()).toBe(0)
    second.finishLoad()
    for (const { name } of frames.toReversed()) second.offerWalName(name)
    second.planReplay()
    const names = Array.from({ length: second.replayCount() }, (_, i) => second.replayName(i))
    expect(names).toEqual(frames.map(({ name }) => name))
    for (const { bytes } of frames) second.replayFrame(bytes)
    expect(second.sequence()).toBe(2n)
    expect(second.isReferenced(names[1]!)).toBe(true)
    expect(second.isReferenced('d00000001-0000000000000001')).toBe(false)
    expect(
      decodeGetAnswer(second.get(second.findCollection('notes'), encodeIdList(['b']), ALL)).rows.metadata,
    ).toEqual(['y'])
  })

  it('comes back from a checkpoint', async () => {
    const first = await newEngine()
    const collection = createCollection(first)
    const ids = Array.from({ length: 3000 }, (_, i) => `id ${i}`)
    commit(first, () => first.frameUpsert(collection, batchOf(ids)))
    expect(first.uncheckpointedWalObjects()).toBe(2)
    expect(first.uncheckpointedWalBytes()).toBeGreaterThan(3000 * DIMENSIONS * 4)
    while (first.work(200) > 0);
    expect(first.stats(collection).indexedRows).toBe(3000)

    const stored = new Map<string, Uint8Array>()
    first.beginCheckpoint()
    for (let object = first.nextCheckpointObject(); object !== null; object = first.nextCheckpointObject()) {
      stored.set(object.name, object.bytes)
    }
    const head = first.encodeHead()
    first.finishCheckpoint()
    expect(first.uncheckpointedWalObjects()).toBe(0)
    expect(first.uncheckpointedGraphRows()).toBe(0)

    const second = CoreEngine.create(await loadCore())
    second.openHead(head)
    for (let index = 0; index < second.requiredObjectCount(); index += 1) {
      const name = second.requiredObjectName(index)
      expect([...stored.keys()]).toContain(name)
      second.loadObject(index, stored.get(name)!)
    }
    second.finishLoad()
    second.planReplay()
    expect(second.stats(second.findCollection('notes'))).toMatchObject({
      liveRows: 3000,
      deletedRows: 0,
      indexedRows: 3000,
    })
    expect(nearest(second, second.findCollection('notes'), 1234, 1)).toEqual(['id 1234'])
  })

  it('turns codes into errors, and a failed call leaves the frame as it was', async () => {
    const { engine, collection } = await withRows(['a'])
    engine.beginFrame()
    engine.frameUpsert(collection, batchOf(['b']))
    expect(codeOf(() => engine.frameUpsert(collection, batchOf(['x'], undefined, 5)))).toBe(
      'DIMENSION_MISMATCH',
    )
    expect(codeOf(() => engine.frameUpsert(collection, batchOf(['x', 'x'])))).toBe('DUPLICATE_ID')
    const bad = batchOf(['x'])
    new DataView(bad.buffer).setFloat32(bad.length - 4, NaN, true)
    expect(codeOf(() => engine.frameUpsert(collection, bad))).toBe('INVALID_VECTOR')
    expect(codeOf(() => engine.checkRowBatch(collection, bad))).toBe('INVALID_VECTOR')
    expect(codeOf(() => engine.frameUpsert(99, batchOf(['x'])))).toBe('NOT_FOUND')
    expect(codeOf(() => engine.frameCreate('notes', OPTIONS))).toBe('INVALID_ARGUMENT')
    engine.sealFrame()
    engine.applyFrame()
    expect(engine.count(collection)).toBe(2)
    expect(codeOf(() => engine.openHead(new Uint8Array(50)))).not.toBe('no error')
    expect(messageOf(() => engine.checkRowBatch(collection, batchOf(['x'], undefined, 5)))).toMatch(/4.*5/)
  })

  it('refuses numbers that the boundary would wrap', async () => {
    const { engine, collection } = await withRows(['a'])
    for (const wrong of [-1, 0.5, NaN, 2 ** 32, '1' as unknown as number, undefined as unknown as number]) {
      expect(codeOf(() => nearest(engine, collection, 0, wrong))).toBe('INVALID_ARGUMENT')
      expect(codeOf(() => engine.count(wrong))).toBe('INVALID_ARGUMENT')
    }
    engine.beginFrame()
    expect(codeOf(() => engine.frameCreate('x', { ...OPTIONS, degree: 65_536 + 16 }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(engine.failed).toBe(false)
  })

  it('takes and gives back arguments larger than the memory it began with', async () => {
    const engine = await newEngine()
    const before = engine.memoryBytes()
    expect(codeOf(() => engine.openHead(new Uint8Array(40 << 20)))).not.toBe('no error')
    expect(engine.wasmMemoryBytes()).toBeGreaterThan(40 << 20)
    expect(engine.memoryBytes()).toBe(before)
    // The views of before the growth are dead; everything goes on.
    expect(createCollection(engine)).toBeGreaterThan(0)
  })

  it('refuses all calls after it was disposed of, and gives its memory back', async () => {
    const module = await loadCore()
    const none = module.instance.EngineBinding.memoryBytes()
    const engine = CoreEngine.create(module)
    engine.openNew()
    engine.takeOver()
    const collection = createCollection(engine)
    commit(engine, () => engine.frameUpsert(collection, batchOf(Array.from({ length: 2000 }, (_, i) => i))))
    expect(engine.memoryBytes()).toBeGreaterThan(none)
    engine.dispose()
    engine.dispose()
    expect(codeOf(() => engine.count(collection))).toBe('CLOSED')
    expect(module.instance.EngineBinding.memoryBytes()).toBe(none)
  })
})
