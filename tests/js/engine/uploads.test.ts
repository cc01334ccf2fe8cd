import { describe, expect, it } from 'vitest'
import { macrotask } from '../../../js/engine/macrotask.js'
import type { Fault } from './simulated-disk.js'
import { openInPlace, rejection, rejectionError } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

const ROWS = 1000

function columnsOf(dimensions: number) {
  return {
    ids: Array.from({ length: ROWS }, (_, i) => i),
    vectors: new Float32Array(dimensions * ROWS).map((_, i) => Math.sin(i)),
  }
}

/** A store of small objects, so that few rows are many parts. */
async function openedWith(dimensions: number, largestObjectBytes: number) {
  const disk = new SimulatedDisk()
  Object.assign(disk.capabilities, { largestObjectBytes })
  const { db } = await openInPlace(disk)
  const collection = await db.collection('notes', { dimensions, metric: 'l2' })
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

const SIZES = [
  { of: 'a few rows', dimensions: 4, largestObjectBytes: 8192 },
  {
    of: 'so many bytes that each is built while another is stored',
    dimensions: 1024,
    largestObjectBytes: 1 << 20,
  },
]

describe.each(SIZES)('an upsert of several parts of $of', ({ dimensions, largestObjectBytes }) => {
  const columns = () => columnsOf(dimensions)
  const opened = () => openedWith(dimensions, largestObjectBytes)

  async function partCount(): Promise<number> {
    const { disk, db, collection } = await opened()
    await collection.upsert(columns())
    const parts = disk.log.length
    await db.close()
    return parts
  }

  it('is committed part by part, each within what an object can hold', async () => {
    const { disk, db, collection } = await opened()
    const progress: number[] = []
    await collection.upsert(columns(), { onProgress: ({ done }) => progress.push(done) })
    expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))
    expect(disk.log.length).toBeGreaterThan(3)
    expect(progress.length).toBeGreaterThanOrEqual(disk.log.length)
    expect(progress.at(-1)).toBe(ROWS)
    expect(await collection.count()).toBe(ROWS)
    await db.close()
    expect(Math.max(...[...disk.objects.values()].map((bytes) => bytes.length))).toBeLessThanOrEqual(
      largestObjectBytes,
    )
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
        await macrotask()
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

describe('while a large upsert is under way', () => {
  const columns = () => columnsOf(512)
  const opened = () => openedWith(512, 1 << 20)
  const row = (id: string) => ({ id, vector: new Float32Array(512).fill(1) })

  it('one write is on its way at a time', async () => {
    const { disk, db } = await opened()
    let underway = 0
    let most = 0
    const open = disk.open.bind(disk)
    disk.open = async () => {
      const opened = await open()
      const put = opened.put.bind(opened)
      opened.put = async (...input) => {
        underway += 1
        most = Math.max(most, underway)
        await macrotask()
        await put(...input)
        underway -= 1
      }
      return opened
    }
    await db.close()
    const again = (await openInPlace(disk)).db
    await (await again.collection('notes')).upsert(columns())
    expect(most).toBe(1)
    expect(await (await again.collection('notes')).count()).toBe(ROWS)
    await again.close()
  })

  it('others are committed in the order of their calls', async () => {
    const { disk, db, collection } = await opened()
    const order: string[] = []
    const noted = (what: string, done: Promise<unknown>): Promise<unknown> =>
      done.then(() => order.push(what))
    await Promise.all([
      noted('upload', collection.upsert(columns())),
      noted(
        'delete',
        macrotask().then(() => collection.delete([0, 1])),
      ),
      noted(
        'create',
        macrotask().then(() => db.collection('other', { dimensions: 2, metric: 'l2' })),
      ),
      noted(
        'transaction',
        macrotask().then(() =>
          db.transaction(async (tx) => {
            await (await tx.collection('notes')).upsert([row('from a transaction')])
          }),
        ),
      ),
    ])
    expect(await collection.count()).toBeGreaterThan(ROWS - 2)
    await db.drop('other')
    await db.close()
    const ids = await found(disk)
    expect(ids).toContain('from a transaction')
    expect(order.length).toBe(4)
  })

  it.each(['QUOTA_EXCEEDED', 'STORAGE_FAILED'] as const)(
    'a frame that fails with %s takes no write of the frame after it along',
    async (answer) => {
      const OTHERS = 4
      const idsOf = (i: number) => Array.from({ length: 200 }, (_, k) => `${i}-${k}`)
      let together = 0
      for (let failed = 0; failed < 7; failed += 1) {
        const { disk, db, collection } = await opened()
        disk.plan = ({ index }) => (index === failed ? { done: 'none', answer } : null)
        const upload = rejectionError(collection.upsert(columns()))
        const others: Promise<string>[] = []
        for (let i = 0; i < OTHERS; i += 1) {
          const vectors = new Float32Array(200 * 512).fill(i + 1)
          for (let turn = 0; turn < 4; turn += 1) await macrotask()
          others.push(rejection(collection.upsert({ ids: idsOf(i), vectors })))
        }
        const codes = [(await upload)?.code ?? 'no error', ...(await Promise.all(others))]
        const expected = codes.flatMap((code, i) => (i > 0 && code === 'no error' ? idsOf(i - 1) : []))
        if (answer === 'QUOTA_EXCEEDED') {
          // Exactly one frame failed; a write that was taken back for another one succeeded there.
          expect(codes.filter((code) => code !== 'no error').length).toBeLessThanOrEqual(2)
          expect(codes).toContain(answer)
          await collection.upsert([row('after')])
          expected.push('after')
        } else {
          expect(new Set(codes)).toContain(answer)
          expect(await rejection(collection.upsert([row('after')]))).toBe('READ_ONLY')
        }
        together += codes.includes('no error') ? 1 : 0
        const committed = (await upload)?.committedRows ?? (codes[0] === 'no error' ? ROWS : 0)
        await db.close()
        const ids = await found(disk)
        expect(ids.filter((id) => typeof id === 'number')).toEqual(columns().ids.slice(0, committed))
        expect(ids.filter((id) => typeof id === 'string').sort()).toEqual(expected.sort())
      }
      expect(together).toBeGreaterThan(3)
    },
  )
})
