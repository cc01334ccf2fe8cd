import { describe, expect, it } from 'vitest'
import type { Durability } from '../../../js/api/types.js'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

async function opened(durability: Durability, disk = new SimulatedDisk()) {
  const { db } = await openInPlace(disk, { durability })
  const notes = await db.collection('notes', OPTIONS)
  await notes.upsert([{ id: 1, vector: vectorOf(1) }])
  return { disk, db, notes }
}

/** Rows found after the machine's power failed at this moment; `null`: no collection. */
async function rowsAfterPowerCut(disk: SimulatedDisk): Promise<number | null> {
  const { db } = await openInPlace(disk.afterPowerCut())
  const names = await db.collections()
  const count = names.includes('notes') ? await (await db.collection('notes')).count() : null
  await db.close()
  return count
}

const waitMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('durability', () => {
  it('strict: what resolved survives a power cut', async () => {
    const { disk, db, notes } = await opened('strict')
    expect(disk.unsynced.size).toBe(0)
    expect(await rowsAfterPowerCut(disk)).toBe(1)
    await notes.upsert([{ id: 2, vector: vectorOf(2) }])
    expect(await rowsAfterPowerCut(disk)).toBe(2)
    expect((await db.stats()).durability).toBe('strict')
    await db.close()
  })

  it('relaxed: what resolved survives the process at once, and a power cut within about a second', async () => {
    const { disk, db } = await opened('relaxed')
    expect(disk.unsynced.size).toBeGreaterThan(0)
    expect(await rowsAfterPowerCut(disk)).toBe(null)
    const { db: next } = await openInPlace(disk.restarted())
    expect(await (await next.collection('notes')).count()).toBe(1)
    await next.close()
    await waitMs(1300)
    expect(await rowsAfterPowerCut(disk)).toBe(1)
    expect(await db.stats()).toMatchObject({ durability: 'relaxed', durable: false })
    await db.close()
  })

  it.each(['relaxed', 'manual'] as const)('%s: flush and close make durable', async (durability) => {
    const { disk, db, notes } = await opened(durability)
    await db.flush()
    expect(await rowsAfterPowerCut(disk)).toBe(1)
    await notes.upsert([{ id: 2, vector: vectorOf(2) }])
    expect(await rowsAfterPowerCut(disk)).toBe(1)
    await db.close()
    expect(disk.unsynced.size).toBe(0)
    expect(await rowsAfterPowerCut(disk)).toBe(2)
  })

  it('manual: nothing is made durable by itself', async () => {
    const { disk, db } = await opened('manual')
    await waitMs(1300)
    expect(await rowsAfterPowerCut(disk)).toBe(null)
    await db.close()
  })

  it.each(['strict', 'relaxed', 'manual'] as const)(
    '%s: no head names what a power cut could take',
    async (durability) => {
      const { disk, db, notes } = await opened(durability)
      for (let i = 0; i < 5; i += 1) {
        await notes.upsert([{ id: i, vector: vectorOf(i) }])
        await db.flush()
        const heads = disk.log.flatMap(({ kind }, at) => (kind === 'compareAndSetHead' ? [at] : []))
        expect(disk.log[heads.at(-1)! - 1]?.kind).toBe('sync')
      }
      await db.close()
    },
  )

  it('is strict where relaxed writes could go missing in the middle', async () => {
    const disk = new SimulatedDisk()
    Object.assign(disk.capabilities, { relaxedPutsInOrder: false })
    const { db } = await opened('relaxed', disk)
    expect(disk.unsynced.size).toBe(0)
    expect((await db.stats()).durability).toBe('strict')
    await db.close()
  })

  it('makes the handle read-only when what resolved cannot be made durable', async () => {
    const { disk, db, notes } = await opened('relaxed')
    disk.plan = ({ kind }) => (kind === 'sync' ? { done: 'none', answer: 'STORAGE_FAILED' } : null)
    await expect.poll(async () => (await db.stats()).readOnly, { timeout: 5000 }).toBe(true)
    expect((await db.stats()).readOnlyReason).toMatch(/durable.*STORAGE_FAILED/)
    expect(await rejection(notes.upsert([{ id: 2, vector: vectorOf(2) }]))).toBe('READ_ONLY')
    expect(await notes.count()).toBe(1)
    expect(disk.openSessions, 'the lock is given up').toBe(0)
    expect(await rejection(db.close())).toBe('STORAGE_FAILED')
  })

  it.each(['relaxed', 'manual'] as const)('%s: flush and close say when it failed', async (durability) => {
    for (const end of ['flush', 'close'] as const) {
      const { disk, db } = await opened(durability)
      disk.plan = ({ kind }) => (kind === 'sync' ? { done: 'none', answer: 'STORAGE_FAILED' } : null)
      expect(await rejection(db[end]())).toBe('STORAGE_FAILED')
      await db.close().catch(() => undefined)
      expect(disk.openSessions).toBe(0)
    }
  })
})
