import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { ERROR_CODES, open, OmenError, type StorageAdapter } from 'omendb'
import { codeOf, describeBoth, ENGINES, errorOf, untyped } from './both-engines.js'

describeBoth('a database', (openMemory, worker) => {
  it('tells what it is', async () => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 3, metric: 'l2' })
    await notes.upsert([{ id: 1, vector: [1, 2, 3], metadata: 'x' }])
    expect(await db.stats()).toEqual({
      name: 'tests',
      storage: 'memory',
      engine: worker ? 'worker' : 'in-place',
      simd: expect.stringMatching(/^(simd128|relaxed-simd)$/) as string,
      durable: false,
      durability: 'strict',
      readOnly: false,
      sequence: 2,
      oldestSequence: 2,
      collections: 1,
      memtableRows: 1,
      segments: 0,
      walBytes: 0,
      writeAmplification: 0,
      spaceAmplification: expect.any(Number) as number,
      readAmplification: 0,
      memoryBytes: expect.any(Number) as number,
      engineBytes: expect.any(Number) as number,
      storageUsedBytes: expect.any(Number) as number,
      busy: expect.any(Boolean) as boolean,
    })
    const { memory, vectors, ...rest } = await notes.stats()
    expect(vectors).toEqual({ inMemory: 1, hits: 0, misses: 0, evictions: 0 })
    expect(rest).toEqual({
      name: 'notes',
      dimensions: 3,
      metric: 'l2',
      vectorType: 'float32',
      quantization: 'auto',
      codes: { kind: 'none', bytesPerVector: 0, recallLoss: null },
      index: { M: 16, efConstruction: 200 },
      rows: 1,
      deletedRows: 0,
      memtableRows: 1,
      segments: 0,
      indexedRows: expect.any(Number) as number,
    })
    expect(Object.keys(memory).sort()).toEqual(['codes', 'ids', 'links', 'metadata', 'vectors'])
    expect(memory.vectors).toBeGreaterThanOrEqual(12)
  })

  it('lists, reopens and drops collections', async () => {
    const db = await openMemory()
    const options = {
      dimensions: 2,
      metric: 'dot',
      quantization: 'none',
      index: { M: 8, efConstruction: 50 },
    } as const
    await db.collection('a', options)
    await db.collection('ß', { dimensions: 3, metric: 'l1' })
    expect(await db.collections()).toEqual(['a', 'ß'])
    const again = await db.collection('a')
    expect(await again.stats()).toMatchObject(options)
    await db.drop('a')
    expect(await db.collections()).toEqual(['ß'])
    // What is not given is not compared.
    await db.collection('b', options)
    expect((await (await db.collection('b', { dimensions: 2, metric: 'dot' })).stats()).index.M).toBe(8)
  })

  it('is closed by await using', async () => {
    const escaped = await (async () => {
      await using db = await openMemory()
      await db.collections()
      return db
    })()
    expect(await codeOf(escaped.collections())).toBe('CLOSED')
  })

  it('is idle when nothing is left to index', async () => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 3, metric: 'l2' })
    await notes.upsert({
      ids: Array.from({ length: 5000 }, (_, i) => i),
      vectors: new Float32Array(15_000).map((_, i) => Math.sin(i)),
    })
    await db.idle()
    expect(await notes.stats()).toMatchObject({ rows: 5000, indexedRows: 5000 })
    expect((await db.stats()).busy).toBe(false)
  })

  it('in memory shares nothing with another of its name', async () => {
    const [first, second] = [await openMemory(), await openMemory()]
    await first.collection('notes', { dimensions: 3, metric: 'l2' })
    expect(await second.collections()).toEqual([])
  })

  it('in memory is not kept twice', async () => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 64, metric: 'l2' })
    await notes.upsert({
      ids: Array.from({ length: 2000 }, (_, i) => i),
      vectors: new Float32Array(64 * 2000),
    })
    await db.flush()
    expect((await db.stats()).storageUsedBytes).toBeLessThan(4096)
    expect((await db.stats()).memoryBytes).toBeGreaterThan(4 * 64 * 2000)
  })

  it('stops a read at once when aborted', async () => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 3, metric: 'l2' })
    const controller = new AbortController()
    const queries = new Float32Array(3 * 10_000)
    await notes.upsert([{ id: 1, vector: [1, 2, 3] }])
    const batch = notes.searchBatch({ vectors: queries, k: 10, signal: controller.signal })
    controller.abort('changed my mind')
    const error = await errorOf(batch)
    expect([error.code, error.cause]).toEqual(['ABORTED', 'changed my mind'])
    expect(await notes.count()).toBe(1)
  })
})

describe('errors', () => {
  it('are of one class per code, under one base', async () => {
    const error = await errorOf(open(untyped(1)))
    expect(error).toBeInstanceOf(OmenError)
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.code]).toEqual(['InvalidArgumentError', 'INVALID_ARGUMENT'])
    expect(ERROR_CODES[error.code]).toBe(1)
  })
})

describe.each(ENGINES)('a folder ($engine)', ({ engine, worker }) => {
  const folders: string[] = []
  const folder = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), 'omendb-api-'))
    folders.push(path)
    return path
  }
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((path) => rm(path, { recursive: true, force: true })))
  })

  it('keeps everything until the next open', async () => {
    const path = await folder()
    for (let round = 0; round < 3; round += 1) {
      await using db = await open(path, { worker })
      expect((await db.stats()).engine).toBe(engine)
      const notes = await db.collection<number>('notes', { dimensions: 3, metric: 'cosine' })
      expect(await notes.count()).toBe(round)
      await notes.upsert([{ id: round, vector: [1, round, 2], metadata: round }])
      if (round === 1) await db.flush()
    }
    await using db = await open(path, { worker, readOnly: true })
    const notes = await db.collection<number>('notes')
    expect((await notes.get([0, 1, 2], { include: ['metadata'] })).map((row) => row?.metadata)).toEqual([
      0, 1, 2,
    ])
    expect(await codeOf(notes.delete([0]))).toBe('READ_ONLY')
  })

  it('has one writer at a time, and readers beside it', async () => {
    const path = await folder()
    await using db = await open(path, { worker })
    await db.collection('notes', { dimensions: 3, metric: 'l2' })
    expect(await codeOf(open(path, { worker }))).toBe('LOCKED')
    await using reader = await open(path, { worker, readOnly: true })
    expect(await reader.collections()).toEqual(['notes'])
  })

  it('can be given up while it opens, and opened afterwards', async () => {
    const path = await folder()
    const controller = new AbortController()
    const opening = open(path, { worker, signal: controller.signal })
    queueMicrotask(() => controller.abort('no'))
    const error = await errorOf(opening)
    expect([error.code, error.cause]).toEqual(['ABORTED', 'no'])
    await expect
      .poll(() =>
        open(path, { worker }).then(
          (db) => db.close().then(() => 'open'),
          (reason: unknown) => (reason as OmenError).code,
        ),
      )
      .toBe('open')
  })

  it('is closed only when the calls begun before have come to their end', async () => {
    const path = await folder()
    const count = 200_000
    const ids = Array.from({ length: count }, (_, i) => i)
    const vectors = new Float32Array(2 * count).map((_, i) => i % 1000)
    const db = await open(path, { worker })
    const kept = await db.collection('kept', { dimensions: 2, metric: 'l2' })
    const thinned = await db.collection('thinned', { dimensions: 2, metric: 'l2' })
    await thinned.upsert({ ids: ids.slice(0, 40_000), vectors: vectors.slice(0, 80_000) })
    const calls = Promise.all([
      kept.upsert({ ids, vectors }),
      thinned.delete(ids.slice(1, 40_000)),
      thinned.get(ids.slice(0, 5000)),
      thinned.searchBatch({ vectors: vectors.slice(0, 400), k: 1 }),
    ])
    let settled = false
    void calls.then(
      () => (settled = true),
      () => (settled = true),
    )
    const closing = db.close()
    expect(await codeOf(kept.count())).toBe('CLOSED')
    expect(await codeOf(kept.upsert({ ids, vectors }))).toBe('CLOSED')
    await closing
    expect(settled).toBe(true)
    const [, removed, rows, answers] = await calls
    expect([removed, rows.length, answers.length]).toEqual([39_999, 5000, 200])

    await using again = await open(path, { worker })
    expect(await (await again.collection('kept')).count()).toBe(count)
    expect(await (await again.collection('thinned')).count()).toBe(1)
  })

  it('is closed after a call that fails, too', async () => {
    const path = await folder()
    const db = await open(path, { worker })
    const notes = await db.collection('notes', { dimensions: 2, metric: 'l2' })
    const ids = Array.from({ length: 200_000 }, (_, i) => i)
    const vectors = new Float32Array(2 * ids.length)
    vectors[vectors.length - 1] = NaN
    const call = codeOf(notes.upsert({ ids, vectors }))
    await db.close()
    expect(await call).toBe('INVALID_VECTOR')
    await using again = await open(path, { worker })
    expect(await (await again.collection('notes')).count()).toBe(0)
  })

  it('may have a path as long as the system takes', async () => {
    const path = join(await folder(), ...Array.from({ length: 5 }, (_, i) => `${i}`.repeat(100)))
    expect(path.length).toBeGreaterThan(500)
    const db = await open(path, { worker })
    await db.collection('notes', { dimensions: 2, metric: 'l2' })
    await db.close()
    await using again = await open(path, { worker, storage: 'fs' })
    expect(await again.collections()).toEqual(['notes'])
    expect(await codeOf(open(`${path}/${'x'.repeat(4096)}`, { worker }))).toBe('LIMIT_EXCEEDED')
  })

  it('lets the process end though it was not closed, and keeps what was written', async () => {
    const path = await folder()
    const script = `
      import { open } from 'omendb'
      const db = await open(${JSON.stringify(path)}, { worker: ${worker} })
      const notes = await db.collection('notes', { dimensions: 3, metric: 'l2' })
      await notes.upsert([{ id: 'kept', vector: [1, 2, 3] }])
      console.log('written')`
    const root = new URL('../../../', import.meta.url)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        cwd: root,
      },
    )
    expect(stdout).toBe('written\n')
    await using db = await open(path, { worker })
    expect((await (await db.collection('notes')).get(['kept']))[0]?.id).toBe('kept')
  })
})

describe('a storage adapter of one’s own', () => {
  it('runs in place, and cannot be handed to a worker', async () => {
    const broken: StorageAdapter = {
      name: 'broken',
      capabilities: {
        atomicMultiPut: true,
        compareAndSet: true,
        rangedReads: true,
        synchronousReads: false,
        durableOnResolve: true,
        relaxedPutsInOrder: true,
        consistentReads: true,
        largestObjectBytes: 1 << 20,
      },
      open: () => Promise.reject(new Error('the disk is on fire')),
    }
    const error = await errorOf(open('x', { storage: broken }))
    expect([error.code, error.message]).toEqual(['STORAGE_FAILED', 'the disk is on fire'])
    expect((error.cause as Error).message).toBe('the disk is on fire')
    expect(await codeOf(open('x', { storage: broken, worker: true }))).toBe('INVALID_ARGUMENT')
  })
})
