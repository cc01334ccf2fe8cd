import { describe, expect, it } from 'vitest'
import { openInPlace, OPTIONS, rejectionError } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

const LARGE = { dimensions: 512, metric: 'l2' } as const

function columns(count: number, dimensions: number) {
  return {
    ids: Array.from({ length: count }, (_, i) => i),
    vectors: new Float32Array(dimensions * count).map((_, i) => Math.sin(i * 12.9898) * 100),
  }
}

describe('idle', () => {
  it('reports progress that never falls and ends at its total', async () => {
    const { db } = await openInPlace(new SimulatedDisk())
    const notes = await db.collection('notes', OPTIONS)
    await notes.upsert(columns(4000, 4))
    const seen: { done: number; total: number }[] = []
    await db.idle({ onProgress: (progress) => seen.push(progress) })
    expect(seen.length).toBeGreaterThan(2)
    expect(seen.every(({ done, total }, i) => done <= total && done >= (seen[i - 1]?.done ?? 0))).toBe(true)
    expect(seen.at(-1)!.done).toBe(seen.at(-1)!.total)
    expect(seen.at(-1)!.total).toBeGreaterThan(1000)
    await db.close()
  })

  it('can be left, and the work goes on', async () => {
    const { db } = await openInPlace(new SimulatedDisk())
    const notes = await db.collection('notes', OPTIONS)
    await notes.upsert(columns(4000, 4))
    const controller = new AbortController()
    const idle = db.idle({ signal: controller.signal, onProgress: () => controller.abort('enough') })
    expect(await rejectionError(idle)).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    await db.idle()
    expect((await notes.stats()).indexedRows).toBe(4000)
    await db.close()
  })
})

describe('storage', () => {
  it('gives back what deleted rows took, once the database is idle', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const notes = await db.collection('notes', LARGE)
    const rows = columns(6000, LARGE.dimensions)
    await notes.upsert(rows)
    await db.flush()
    const full = (await db.stats()).storageUsedBytes
    expect(full).toBeGreaterThan(12e6)
    await notes.delete(rows.ids.slice(600))
    await db.idle()
    const stats = await db.stats()
    expect(stats.storageUsedBytes).toBeLessThan(full / 2)
    expect(stats.spaceAmplification).toBeLessThan(4)
    await db.close()
  })

  it('is told of by its cost', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const notes = await db.collection('notes', LARGE)
    await notes.upsert(columns(500, LARGE.dimensions))
    const written = await db.stats()
    expect(written.walBytes).toBeGreaterThan(500 * 2048)
    expect(written.writeAmplification).toBeGreaterThan(1)
    expect(written.writeAmplification).toBeLessThan(1.1)
    expect(written).toMatchObject({ memtableRows: 500, segments: 0, readAmplification: 0 })
    await db.flush()
    expect(await db.stats()).toMatchObject({ memtableRows: 0, segments: 1, walBytes: 0 })
    await db.close()
    const { db: again } = await openInPlace(disk)
    const { readAmplification, spaceAmplification } = await again.stats()
    expect(readAmplification).toBeGreaterThan(0.9)
    expect(readAmplification).toBeLessThan(2)
    expect(spaceAmplification).toBeLessThan(2)
    await again.close()
  })

  it('cannot be made to persist where there is no browser', async () => {
    const { db } = await openInPlace(new SimulatedDisk())
    expect(await db.persist()).toBe(false)
    await db.close()
  })
})
