import { describe, expect, it } from 'vitest'
import type { Collection } from '../../../js/api/collection.js'
import { memoryStorage } from '../../../storage/memory.js'
import { openInPlace, rejection, rejectionError } from './open-in-place.js'
import { SimulatedDisk, withSession } from './simulated-disk.js'

const DIMENSIONS = 512
const ROWS = 8000
const BUDGET_BYTES = 24 << 20
const OPTIONS = { dimensions: DIMENSIONS, metric: 'l2', index: { M: 8, efConstruction: 20 } } as const

/** Rows in clusters, without the help of a library: the same in every run. */
function columns(first: number, count: number) {
  const vectors = new Float32Array(count * DIMENSIONS)
  for (let i = 0; i < count; i += 1) {
    for (let d = 0; d < DIMENSIONS; d += 1) {
      const row = first + i
      const cluster = Math.sin(((row % 50) + 1) * (d + 1) * 12.9898)
      vectors[i * DIMENSIONS + d] = cluster + 0.2 * Math.sin((row + 1) * (d + 7) * 78.233)
    }
  }
  return { ids: Array.from({ length: count }, (_, i) => first + i), vectors }
}

const query = (row: number): Float32Array => columns(row, 1).vectors.map((value, i) => value + 0.01 * (i % 3))

async function idsNear(collection: Collection, row: number, exact = false): Promise<unknown[]> {
  return (await collection.search({ vector: query(row), k: 10, exact })).map(({ id }) => id)
}

async function fill(collection: Collection, rows = ROWS): Promise<void> {
  for (let first = 0; first < rows; first += 1000)
    await collection.upsert(columns(first, Math.min(1000, rows - first)))
}

/** Storages with and without synchronous reads. */
const STORAGES = [
  ['synchronous reads', () => memoryStorage()],
  ['asynchronous reads', () => new SimulatedDisk()],
] as const

describe.each(STORAGES)('vectors in storage, with %s', (_, createStorage) => {
  it('answer as those in memory, in a memory that stays within its budget', { timeout: 60_000 }, async () => {
    const storage = createStorage()
    const { db } = await openInPlace(storage, { memoryBudgetBytes: BUDGET_BYTES })
    const collection = await db.collection('c', OPTIONS)
    await fill(collection)
    await db.idle()
    const stats = await collection.stats()
    expect(stats.vectors.inMemory).toBeLessThan(ROWS)
    expect(stats.vectors.evictions).toBeGreaterThan(0)
    const { memoryBytes, memoryBudgetBytes } = await db.stats()
    expect(memoryBudgetBytes).toBe(BUDGET_BYTES)
    expect(memoryBytes).toBeLessThanOrEqual(BUDGET_BYTES)

    const all = await openInPlace(memoryStorage())
    const inMemory = await all.db.collection('c', OPTIONS)
    await fill(inMemory)
    for (const row of [0, 1234, 7999]) {
      const nearest = await idsNear(inMemory, row, true)
      expect(await idsNear(collection, row, true)).toEqual(nearest)
      const near = await idsNear(collection, row)
      expect(near.filter((id) => nearest.includes(id)).length).toBeGreaterThanOrEqual(8)
      const [hit] = await collection.search({ vector: query(row), k: 1, include: ['vector'] })
      expect(hit?.vector).toEqual(columns(row, 1).vectors)
    }
    const batch = await collection.searchBatch({ vectors: [query(3), query(4)], k: 10, exact: true })
    expect(batch.map((hits) => hits.map(({ id }) => id))).toEqual([
      await idsNear(inMemory, 3, true),
      await idsNear(inMemory, 4, true),
    ])
    const [got] = await collection.get([4321])
    expect(got?.vector).toEqual(columns(4321, 1).vectors)
    let listed = 0
    for await (const row of collection.list()) {
      if (row.vector?.[0] === columns(listed, 1).vectors[0]) listed += 1
    }
    expect(listed).toBe(ROWS)
    await all.db.close()
    await db.close()

    const again = await openInPlace(storage, { memoryBudgetBytes: BUDGET_BYTES })
    const reopened = await again.db.collection('c')
    const after = await reopened.stats()
    expect(after.vectors.inMemory).toBe(0)
    expect(await idsNear(reopened, 77)).toEqual(await idsNear(reopened, 77, true))
    expect((await reopened.stats()).vectors.misses).toBeGreaterThan(0)
    await again.db.close()
  })

  it('go back into memory after opening, where there is no budget', { timeout: 60_000 }, async () => {
    const storage = createStorage()
    const { db } = await openInPlace(storage)
    // More than the 32 MiB that are loaded at once.
    const collection = await db.collection('c', { ...OPTIONS, dimensions: 8 * DIMENSIONS })
    const vectors = new Float32Array(2100 * 8 * DIMENSIONS).map((_value, i) => Math.sin(i))
    await collection.upsert({ ids: Array.from({ length: 2100 }, (_id, i) => i), vectors })
    await db.idle()
    await db.close()
    const again = await openInPlace(storage)
    const reopened = await again.db.collection('c')
    const isLeft = createStorage().capabilities.synchronousReads
    if (!isLeft) expect((await reopened.stats()).vectors.inMemory).toBe(2100)
    const [hit] = await reopened.search({ vector: vectors.subarray(0, 8 * DIMENSIONS), k: 1 })
    expect(hit?.id).toBe(0)
    await again.db.idle()
    expect((await reopened.stats()).vectors.inMemory).toBe(2100)
    await again.db.close()
  })
})

describe('reading vectors', () => {
  async function opened(disk: SimulatedDisk) {
    const { db } = await openInPlace(disk, { memoryBudgetBytes: BUDGET_BYTES })
    const collection = await db.collection('c', OPTIONS)
    await fill(collection, 3000)
    await db.idle()
    await db.close()
    const again = await openInPlace(disk, { memoryBudgetBytes: BUDGET_BYTES })
    return { db: again.db, collection: await again.db.collection('c') }
  }

  it('that fails is reported, and done again by the next search', async () => {
    const disk = new SimulatedDisk()
    const { db, collection } = await opened(disk)
    disk.readError = 'STORAGE_FAILED'
    expect(await rejection(collection.search({ vector: query(1), k: 10 }))).toBe('STORAGE_FAILED')
    disk.readError = null
    expect(await idsNear(collection, 1)).toEqual(await idsNear(collection, 1, true))
    await db.close()
  })

  it('that were changed or are gone is CORRUPTION that says where', async () => {
    const disk = new SimulatedDisk()
    const { db, collection } = await opened(disk)
    const whole = new Map(disk.objects)
    for (const [name, bytes] of whole)
      disk.objects.set(
        name,
        bytes.map((byte) => byte ^ 1),
      )
    const changed = await rejectionError(collection.search({ vector: query(1), k: 10 }))
    expect(changed?.code).toBe('CORRUPTION')
    expect(changed?.message).toMatch(
      /^[wd][0-9a-f]{8}-[0-9a-f]{16}, byte \d+: expected checksum \d+ .*found \d+/,
    )
    disk.objects.clear()
    const gone = await rejectionError(collection.search({ vector: query(1), k: 10 }))
    expect(gone?.code).toBe('CORRUPTION')
    expect(gone?.message).toMatch(/expected it to be stored, found nothing/)
    for (const [name, bytes] of whole) disk.objects.set(name, bytes)
    expect(await idsNear(collection, 1)).toEqual(await idsNear(collection, 1, true))
    await db.close()
  })

  it('of an object that is missing is noticed by opening', async () => {
    const disk = new SimulatedDisk()
    const { db } = await opened(disk)
    await db.close()
    const [largest] = [...disk.objects].sort(([, a], [, b]) => b.length - a.length)
    disk.objects.delete(largest?.[0] ?? '')
    expect(await rejection(openInPlace(disk, { memoryBudgetBytes: BUDGET_BYTES }))).toBe('CORRUPTION')
  })

  it('goes on while rows are written, replaced and stored anew', async () => {
    const disk = new SimulatedDisk()
    const { db, collection } = await opened(disk)
    const expected = await idsNear(collection, 2000, true)
    const searches = Array.from({ length: 20 }, (_, i) => idsNear(collection, 2000, i % 2 === 0))
    const writes = collection.upsert(columns(3000, 500)).then(() => db.flush())
    await collection.delete(Array.from({ length: 1500 }, (_, i) => i).filter((i) => i % 50 !== 0))
    for (const found of await Promise.all(searches)) {
      // Each is of some state on the way.
      for (const id of found) expect(Number(id)).toBeLessThan(3500)
    }
    await writes
    await db.idle()
    expect(await idsNear(collection, 2999)).toEqual(await idsNear(collection, 2999, true))
    expect(expected).toHaveLength(10)
    await db.close()
  })

  it('for more searches at once than views can be open, and scans beside each other', async () => {
    const { db, collection } = await opened(new SimulatedDisk())
    const nearest = await Promise.all([5, 6, 7, 8].map((row) => idsNear(collection, row, true)))
    const rows = Array.from({ length: 1100 }, (_, i) => i)
    const found = await Promise.all(rows.map((row) => idsNear(collection, row)))
    for (const ids of found) expect(ids).toHaveLength(10)
    for (const [i, row] of [5, 6, 7, 8].entries())
      expect(await idsNear(collection, row, true)).toEqual(nearest[i])
    await db.close()
  })

  it('stops when its signal fires', async () => {
    const disk = new SimulatedDisk()
    const { db, collection } = await opened(disk)
    const abort = new AbortController()
    const search = collection.search({ vector: query(1), k: 10, exact: true, signal: abort.signal })
    abort.abort()
    expect(await rejection(search)).toBe('ABORTED')
    expect(await idsNear(collection, 1)).toHaveLength(10)
    await db.close()
  })

  it('of a past state makes a restore whole', async () => {
    const disk = new SimulatedDisk()
    const settings = { memoryBudgetBytes: BUDGET_BYTES, retentionMs: Infinity }
    const { db } = await openInPlace(disk, settings)
    const collection = await db.collection('c', OPTIONS)
    await fill(collection, 2000)
    await db.idle()
    const { sequence } = await db.stats()
    await collection.delete(Array.from({ length: 1000 }, (_, i) => i))
    await db.idle()
    await db.close()
    const again = await openInPlace(disk, settings)
    await again.db.restore({ to: sequence })
    const restored = await again.db.collection('c')
    expect(await restored.count()).toBe(2000)
    const [row] = await restored.get([5])
    expect(row?.vector).toEqual(columns(5, 1).vectors)
    await again.db.close()
  })
})

describe('a memory budget', () => {
  it('refuses what is no number of bytes', async () => {
    for (const memoryBudgetBytes of [0, -1, 1.5, Number.NaN, '64MB', (16 << 20) - 1] as number[]) {
      const error = await rejectionError(openInPlace(memoryStorage(), { memoryBudgetBytes }))
      expect(error?.code, String(memoryBudgetBytes)).toBe('INVALID_ARGUMENT')
      expect(error?.message).toMatch(/memoryBudgetBytes/)
    }
  })

  it('refuses writes with LIMIT_EXCEEDED where nothing can leave memory, and keeps what is there', async () => {
    const disk = withSession(new SimulatedDisk(), (session) => session)
    Object.defineProperty(disk, 'capabilities', {
      value: { ...disk.capabilities, rangedReads: false },
    })
    const { db } = await openInPlace(disk, { memoryBudgetBytes: BUDGET_BYTES })
    const collection = await db.collection('c', OPTIONS)
    const error = await rejectionError(fill(collection))
    expect(error?.code).toBe('LIMIT_EXCEEDED')
    expect(error?.message).toMatch(/memory \(the budget\)/)
    const rows = await collection.count()
    expect(rows).toBeGreaterThan(1000)
    expect((await db.stats()).memoryBytes).toBeLessThanOrEqual(BUDGET_BYTES)
    expect(await idsNear(collection, 3)).toHaveLength(10)
    expect(await collection.delete([1, 2, 3])).toBe(3)
    await db.close()
    const again = await openInPlace(disk)
    expect(await (await again.db.collection('c')).count()).toBe(rows - 3)
    await again.db.close()
  })
})
