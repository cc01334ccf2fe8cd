import { describe, expect, it } from 'vitest'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

async function opened(disk = new SimulatedDisk()) {
  const { db, core } = await openInPlace(disk)
  const collection = await db.collection<number>('notes', OPTIONS)
  disk.log.length = 0
  return { disk, db, core, collection }
}

describe('writes at the same time', () => {
  it('share a frame', async () => {
    const { disk, db, collection } = await opened()
    const writes = Array.from({ length: 100 }, (_, i) => collection.upsert([{ id: i, vector: vectorOf(i) }]))
    await Promise.all(writes)
    expect(disk.log.filter(({ kind }) => kind === 'put').length).toBeLessThanOrEqual(2)
    expect(await collection.count()).toBe(100)
    await db.close()
  })

  it('are refused alone', async () => {
    const { db, collection } = await opened()
    const vector = vectorOf(1)
    const results = await Promise.allSettled([
      collection.upsert([{ id: 1, vector }]),
      collection.upsert([{ id: 2, vector: [NaN, 0, 0, 0] }]),
      collection.upsert([
        { id: 3, vector },
        { id: 3, vector },
      ]),
      collection.upsert([{ id: 4, vector }]),
      collection.delete([1, 4, 5]),
    ])
    expect(
      results.map((result) =>
        result.status === 'rejected' ? (result.reason as { code: string }).code : 'ok',
      ),
    ).toEqual(['ok', 'INVALID_VECTOR', 'DUPLICATE_ID', 'ok', 'ok'])
    expect(results[4]).toMatchObject({ value: 2 })
    expect(await collection.count()).toBe(0)
    await db.close()
  })

  it('for one new collection create it once', async () => {
    const { db } = await opened()
    const results = await Promise.allSettled([
      db.collection('new', OPTIONS),
      db.collection('new', OPTIONS),
      db.collection('new', { ...OPTIONS, metric: 'dot' }),
    ])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(results[2]).toMatchObject({ reason: { code: 'SCHEMA_MISMATCH' } })
    expect(await db.collections()).toEqual(['notes', 'new'])
    await db.close()
  })

  it('that wait can be given up, and are then not done', async () => {
    const { db, collection } = await opened()
    const controller = new AbortController()
    const first = collection.upsert([{ id: 1, vector: vectorOf(1) }])
    const second = collection.upsert([{ id: 2, vector: vectorOf(2) }], { signal: controller.signal })
    await new Promise((resolve) => queueMicrotask(() => resolve(null)))
    controller.abort()
    await first
    const code = await rejection(second)
    // Its frame may have been on its way already; then it is done and said to be.
    expect(await collection.count()).toBe(code === 'ABORTED' ? 1 : 2)
    await db.close()
  })
})

describe('an engine that failed', () => {
  it('refuses everything, closes, and leaves what was committed to the next open', async () => {
    const { disk, db, core, collection } = await opened()
    await collection.upsert([{ id: 1, vector: vectorOf(1) }])
    core.instance.HEAPU8.fill(0xff)
    expect(await rejection(collection.search({ vector: vectorOf(1), k: 1 }))).toBe('ENGINE_FAILED')
    const calls = [
      collection.upsert([{ id: 2, vector: vectorOf(2) }]),
      collection.delete([1]),
      collection.get([1]),
      collection.count(),
      collection.stats(),
      db.collection('notes'),
      db.collection('new', OPTIONS),
      db.drop('notes'),
      db.flush(),
      db.idle(),
      db.stats(),
    ]
    expect(new Set(await Promise.all(calls.map(rejection)))).toEqual(new Set(['ENGINE_FAILED']))
    await db.close()
    expect(disk.openSessions).toBe(0)
    expect(await rejection(collection.count())).toBe('CLOSED')

    const { db: again } = await openInPlace(disk)
    expect((await (await again.collection('notes')).get([1]))[0]?.id).toBe(1)
    await again.close()
  })

  it('in the middle of a commit rejects everyone who waits', async () => {
    const { disk, db, core, collection } = await opened()
    disk.plan = ({ kind }) => {
      if (kind === 'put') core.instance.HEAPU8.fill(0xff)
      return null
    }
    const writes = [1, 2, 3].map((id) => rejection(collection.upsert([{ id, vector: vectorOf(id) }])))
    const later = new Promise<string>((resolve) =>
      setTimeout(() => resolve(rejection(collection.upsert([{ id: 4, vector: vectorOf(4) }]))), 0),
    )
    expect(new Set(await Promise.all([...writes, later]))).toEqual(new Set(['ENGINE_FAILED']))
    await db.close()
    expect(disk.openSessions).toBe(0)
  })
})

describe('close', () => {
  it('waits for the writes given before it, is shared by all who call it, and is final', async () => {
    const { disk, db, collection } = await opened()
    const write = collection.upsert([{ id: 1, vector: vectorOf(1) }])
    const closes = [db.close(), db.close(), db[Symbol.asyncDispose]()]
    expect(await rejection(collection.count())).toBe('CLOSED')
    await Promise.all([write, ...closes])
    await db.close()
    expect(disk.openSessions).toBe(0)
    const { db: again } = await openInPlace(disk)
    expect(await (await again.collection('notes')).count()).toBe(1)
    await again.close()
  })

  it('leaves no WAL behind, so that nothing stored can go missing unnoticed', async () => {
    const { disk, db, collection } = await opened()
    await collection.upsert([{ id: 1, vector: vectorOf(1) }])
    await db.close()
    const names = [...disk.objects.keys()]
    expect(names.filter((name) => name.startsWith('w'))).toEqual([])
    for (const name of names) {
      const damaged = disk.restarted()
      damaged.objects.delete(name)
      for (const readOnly of [true, false]) {
        expect([name, await rejection(openInPlace(damaged, { readOnly }))]).toEqual([name, 'CORRUPTION'])
      }
    }
  })

  it('with nothing new writes nothing', async () => {
    const { disk, db, collection } = await opened()
    await collection.upsert([{ id: 1, vector: vectorOf(1) }])
    await db.flush()
    const before = disk.log.length
    await db.close()
    expect(disk.log.length).toBe(before)
  })

  it.each(['QUOTA_EXCEEDED', 'STORAGE_FAILED'] as const)(
    'does not fail when its checkpoint does (%s): the WAL has everything',
    async (answer) => {
      const { disk, db, collection } = await opened()
      for (let i = 0; i < 20; i += 1) await collection.upsert([{ id: i, vector: vectorOf(i) }])
      disk.plan = () => ({ done: 'none', answer })
      await db.close()
      const { db: again } = await openInPlace(disk.restarted())
      expect(await (await again.collection('notes')).count()).toBe(20)
      await again.close()
    },
  )
})
