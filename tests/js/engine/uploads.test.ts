import { describe, expect, it } from 'vitest'
import type { Fault } from './simulated-disk.js'
import { openInPlace, OPTIONS, rejectionError } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

const ROWS = 1000

function columns() {
  return {
    ids: Array.from({ length: ROWS }, (_, i) => i),
    vectors: new Float32Array(4 * ROWS).map((_, i) => Math.sin(i)),
  }
}

/** A store of small objects, so that few rows are many parts. */
function smallObjects(): SimulatedDisk {
  const disk = new SimulatedDisk()
  Object.assign(disk.capabilities, { largestObjectBytes: 8192 })
  return disk
}

async function opened() {
  const disk = smallObjects()
  const { db } = await openInPlace(disk)
  const collection = await db.collection('notes', OPTIONS)
  disk.log.length = 0
  return { disk, db, collection }
}

/** Ids that the next process finds. */
async function found(disk: SimulatedDisk): Promise<unknown[]> {
  const restarted = disk.restarted()
  Object.assign(restarted.capabilities, disk.capabilities)
  const { db } = await openInPlace(restarted)
  const ids: unknown[] = []
  for await (const row of (await db.collection('notes')).list({ include: [] })) ids.push(row.id)
  await db.close()
  return ids
}

async function partCount(): Promise<number> {
  const { disk, db, collection } = await opened()
  await collection.upsert(columns())
  const parts = disk.log.length
  await db.close()
  return parts
}

describe('an upsert of several parts', () => {
  it('is committed part by part, each within what an object can hold', async () => {
    const { disk, db, collection } = await opened()
    const progress: number[] = []
    await collection.upsert(columns(), { onProgress: ({ done }) => progress.push(done) })
    expect(progress.length).toBe(disk.log.length)
    expect(progress.length).toBeGreaterThan(3)
    expect(progress.at(-1)).toBe(ROWS)
    expect(await collection.count()).toBe(ROWS)
    await db.close()
    expect(Math.max(...[...disk.objects.values()].map((bytes) => bytes.length))).toBeLessThanOrEqual(8192)
  })

  it.each<Fault>([
    { done: 'none', answer: 'QUOTA_EXCEEDED' },
    { done: 'none', answer: 'STORAGE_FAILED' },
    { done: 'all', answer: 'STORAGE_FAILED' },
  ])('that fails at any part with $answer ($done done) says how many rows are in', async (fault) => {
    const parts = await partCount()
    for (let failed = 0; failed < parts; failed += 1) {
      const { disk, db, collection } = await opened()
      disk.plan = ({ index }) => (index === failed ? fault : null)
      const error = await rejectionError(collection.upsert(columns()))
      expect(error?.code).toBe(fault.answer)
      const committed = error!.committedRows!
      expect(await collection.count()).toBe(committed)
      await db.close()
      const ids = await found(disk)
      expect(ids).toEqual(columns().ids.slice(0, ids.length))
      if (fault.done === 'none') expect(ids.length).toBe(committed)
      else expect(ids.length).toBeGreaterThan(committed)
    }
  })

  it('that loses power at any part leaves the parts before it, whole', async () => {
    const parts = await partCount()
    for (let lost = 0; lost < parts; lost += 1) {
      for (const done of ['none', 'all'] as const) {
        const { disk, collection } = await opened()
        let reported = 0
        disk.plan = ({ index }) => (index === lost ? { done, answer: 'power loss' } : null)
        const upsert = collection.upsert(columns(), { onProgress: (progress) => (reported = progress.done) })
        await Promise.race([upsert, disk.powerLoss])
        const ids = await found(disk)
        expect(ids).toEqual(columns().ids.slice(0, ids.length))
        if (done === 'none') expect(ids.length).toBe(reported)
        else expect(ids.length).toBeGreaterThan(reported)
      }
    }
  })

  it('whose progress callback throws is committed all the same', async () => {
    const { db, collection } = await opened()
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    try {
      await collection.upsert(columns(), {
        onProgress: () => {
          throw new Error('from the callback')
        },
      })
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
    expect(await collection.count()).toBe(ROWS)
    expect(uncaught[0]).toBe('from the callback')
    await db.close()
  })

  it('is committed whole before a close that comes while it is under way', async () => {
    const { disk, db, collection } = await opened()
    const closes: Promise<void>[] = []
    const onProgress = (): void => void closes.push(db.close())
    await collection.upsert(columns(), { onProgress })
    await Promise.all(closes)
    expect(closes.length).toBeGreaterThan(3)
    expect(await found(disk)).toEqual(columns().ids)
  })
})
