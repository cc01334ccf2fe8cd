/** Opening again beside a handle that can no longer write: its lock is given up before its caller hears. */
import { describe, expect, it } from 'vitest'
import { StorageFailedError } from '../../../js/errors/omen-error.js'
import type { StorageAdapter, StorageSession } from '../../../storage/contract.js'
import { memoryStorage } from '../../../storage/memory.js'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'

/** A store that locks, and whose next puts can be made to store all and then fail. */
function failing() {
  const inner = memoryStorage()
  const state = { puts: 0 }
  const storage: StorageAdapter = {
    ...inner,
    open: async (database, mode) => {
      const session = await inner.open(database, mode)
      const put: StorageSession['put'] = session.put.bind(session)
      return Object.assign(session, {
        put: async (...[objects, head]: Parameters<StorageSession['put']>) => {
          await put(objects, head)
          if (state.puts-- > 0) throw new StorageFailedError('the answer was lost')
        },
      })
    },
  }
  return { storage, state }
}

async function opened() {
  const { storage, state } = failing()
  const { db, core } = await openInPlace(storage)
  const collection = await db.collection<number>('notes', OPTIONS)
  await collection.upsert([{ id: 1, vector: vectorOf(1) }])
  expect(await rejection(openInPlace(storage))).toBe('LOCKED')
  return { storage, state, db, core, collection }
}

async function countAgain(storage: StorageAdapter): Promise<number> {
  const { db } = await openInPlace(storage)
  const count = await (await db.collection('notes')).count()
  await (await db.collection('notes')).upsert([{ id: 'again', vector: vectorOf(9) }])
  await db.close()
  return count
}

describe('opening again works at once', () => {
  it('after a trap in a read', async () => {
    const { storage, db, core, collection } = await opened()
    core.instance.HEAPU8.fill(0xff)
    expect(await rejection(collection.search({ vector: vectorOf(1), k: 1 }))).toBe('ENGINE_FAILED')
    expect(await countAgain(storage)).toBe(1)
    await db.close()
  })

  it('after a trap in a write', async () => {
    const { storage, db, core, collection } = await opened()
    core.instance.HEAPU8.fill(0xff)
    expect(await rejection(collection.upsert([{ id: 2, vector: vectorOf(2) }]))).toBe('ENGINE_FAILED')
    expect(await countAgain(storage)).toBe(1)
    await db.close()
  })

  it('after a trap in the background, without another call', async () => {
    const { storage, db, core, collection } = await opened()
    const columns = {
      ids: Array.from({ length: 3000 }, (_, i) => i),
      vectors: new Float32Array(12_000).fill(1),
    }
    await collection.upsert(columns)
    core.instance.HEAPU8.fill(0xff)
    let code = 'LOCKED'
    while (code === 'LOCKED') {
      await new Promise(setImmediate)
      code = await rejection(openInPlace(storage).then((again) => again.db.close()))
    }
    expect(code).toBe('no error')
    await db.close()
  })

  it('after a write of unknown outcome, and the old handle goes on reading', async () => {
    const { storage, state, db, collection } = await opened()
    state.puts = 1
    expect(await rejection(collection.upsert([{ id: 2, vector: vectorOf(2) }]))).toBe('STORAGE_FAILED')
    expect(await countAgain(storage)).toBe(2)
    expect(await collection.count()).toBe(1)
    expect(await rejection(collection.delete([1]))).toBe('READ_ONLY')
    const stats = await db.stats()
    expect([stats.readOnly, stats.storageUsedBytes > 0]).toEqual([true, true])
    await db.close()
    expect(await countAgain(storage), 'closing the old handle takes nothing from the new one').toBe(3)
  })
})
