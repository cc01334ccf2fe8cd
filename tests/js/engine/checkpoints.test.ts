import { describe, expect, it } from 'vitest'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

const walNames = (disk: SimulatedDisk): string[] =>
  [...disk.objects.keys()].filter((name) => name.startsWith('w'))

function columns(count: number) {
  return {
    ids: Array.from({ length: count }, (_, i) => i),
    vectors: new Float32Array(4 * count).map((_, i) => Math.sin(i * 12.9898) * 100),
  }
}

describe('a checkpoint', () => {
  it('takes the place of the WAL', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert(columns(100))
    expect(walNames(disk).length).toBeGreaterThan(0)
    await db.flush()
    expect(walNames(disk)).toEqual([])
    const before = disk.log.length
    await db.flush()
    expect(disk.log.length, 'nothing new, nothing written').toBe(before)
    await db.close()
  })

  it('lets writes through, which are then found as well', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert(columns(500))
    const flushed = db.flush()
    for (let i = 0; i < 20; i += 1) await collection.upsert([{ id: 1000 + i, vector: vectorOf(i) }])
    await collection.delete([0, 1000])
    await flushed
    const { db: again } = await openInPlace(disk.restarted())
    expect(await (await again.collection('notes')).count()).toBe(518)
    await again.close()
    await db.close()
  })

  it('whose head another writer was quicker to set is LOCKED, deletes nothing, and ends the writing', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert(columns(10))
    const wal = walNames(disk)
    disk.plan = ({ kind }) => {
      // In the instant between the last object and the head that names it.
      if (kind === 'compareAndSetHead') disk.head = Uint8Array.of(...disk.head!, 0)
      return null
    }
    expect(await rejection(db.flush())).toBe('LOCKED')
    expect(walNames(disk)).toEqual(wal)
    expect((await db.stats()).readOnlyReason).toMatch(/another writer/)
    expect(await rejection(collection.upsert(columns(1)))).toBe('READ_ONLY')
    await db.close()
  })

  it('runs by itself when the WAL has very many objects', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    for (let i = 0; i < 1100; i += 1) await collection.upsert([{ id: i % 10, vector: vectorOf(i) }])
    await db.idle()
    expect(walNames(disk).length).toBeLessThan(1000)
    await db.close()
  })

  it('keeps the graph, so that the next open has nothing to index', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert(columns(3000))
    await db.idle()
    const { indexedRows } = await collection.stats()
    expect(indexedRows).toBe(3000)
    expect(walNames(disk), 'idle includes the checkpoint').toEqual([])
    const { db: again } = await openInPlace(disk.restarted(), { readOnly: true })
    expect((await (await again.collection('notes')).stats()).indexedRows).toBe(3000)
    await again.close()
    await db.close()
  })

  it('that failed unasked is reported, and tried again', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    disk.plan = ({ index }) =>
      disk.log[index]?.names[0]?.startsWith('d') === true ? { done: 'none', answer: 'QUOTA_EXCEEDED' } : null
    await collection.upsert(columns(3000))
    await db.idle()
    expect((await db.stats()).backgroundError).toMatch(/QUOTA_EXCEEDED/)
    disk.plan = () => null
    await db.flush()
    expect((await db.stats()).backgroundError).toBeUndefined()
    await db.close()
  })
})

describe('where the clock stands still', () => {
  it('requests do some of the indexing, idle does the rest, and nothing runs on its own', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk, { clockStandsStill: true })
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert(columns(3000))
    const { indexedRows } = await collection.stats()
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect((await collection.stats()).indexedRows).toBe(indexedRows)
    expect(indexedRows).toBeLessThan(3000)
    await db.idle()
    expect((await collection.stats()).indexedRows).toBe(3000)
    await db.close()
  })

  it('checkpoints end before the write that brought them about does', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk, { clockStandsStill: true })
    const collection = await db.collection('notes', OPTIONS)
    let checkpoints = 0
    for (let i = 0; i < 1100; i += 1) {
      await collection.upsert([{ id: i % 10, vector: vectorOf(i) }])
      const count = walNames(disk).length
      expect(count).toBeLessThanOrEqual(1000)
      if (count === 0) checkpoints += 1
    }
    expect(checkpoints).toBe(1)
    await db.close()
  })

  it('reads write nothing, and idle stores the graph that they finished', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk, { clockStandsStill: true })
    const collection = await db.collection<number>('notes', OPTIONS)
    await collection.upsert(columns(3000))
    const before = disk.log.length
    while ((await collection.stats()).indexedRows < 3000) await collection.get([1])
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect(disk.log.length).toBe(before)
    await db.idle()
    expect(walNames(disk)).toEqual([])
    await db.close()
  })

  it('opening has deleted what nothing refers to when it resolves', async () => {
    const disk = new SimulatedDisk()
    const { db: first } = await openInPlace(disk)
    await first.close()
    disk.objects.set('d00000009-0000000000000001', new Uint8Array(8))
    const { db } = await openInPlace(disk, { clockStandsStill: true })
    expect([...disk.objects.keys()]).toEqual([])
    await db.close()
  })
})
