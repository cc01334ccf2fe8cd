/** Opening while somebody writes: what a reader may find half done, and must not misread. */
import { describe, expect, it } from 'vitest'
import type { StorageSession } from '../../../storage/contract.js'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'
import { SimulatedDisk, withSession } from './simulated-disk.js'

type List = StorageSession['list']

/** A writer with rows 1 to 4, each in a WAL object of its own. */
async function writing() {
  const disk = new SimulatedDisk()
  const { db: writer } = await openInPlace(disk)
  const collection = await writer.collection<number>('notes', OPTIONS)
  for (const id of [1, 2, 3, 4]) await collection.upsert([{ id, vector: vectorOf(id) }])
  return { disk, writer, collection }
}

const walNames = (disk: SimulatedDisk): string[] =>
  [...disk.objects.keys()].filter((name) => name.startsWith('w')).sort()

/** The disk with another `list`, which is told how often it was asked before. */
function withList(disk: SimulatedDisk, list: (asked: number, really: List) => Promise<string[]>) {
  let asked = 0
  return withSession(disk, (session) => ({
    ...session,
    list: () => list(asked++, (prefix) => session.list(prefix)),
  }))
}

async function idsSeenBy(reading: SimulatedDisk): Promise<unknown[]> {
  const { db } = await openInPlace(reading, { readOnly: true })
  const rows = (await db.collections()).includes('notes')
    ? await (await db.collection('notes')).get([1, 2, 3, 4])
    : []
  await db.close()
  return rows.map((row) => row?.id)
}

describe('a reader that opens while a writer', () => {
  it.each([0, 1, 2, 3, 4])('stores a checkpoint just before %i. listing misses nothing', async (at) => {
    const { disk, writer, collection } = await writing()
    const reading = withList(disk, async (asked, list) => {
      if (asked < at) await collection.upsert([{ id: 10 + asked, vector: vectorOf(asked) }])
      if (asked <= at) await writer.flush()
      return list('')
    })
    expect(await idsSeenBy(reading)).toEqual([1, 2, 3, 4])
    await writer.close()
  })

  it('stores a checkpoint just after the listing misses nothing', async () => {
    const { disk, writer } = await writing()
    const reading = withList(disk, async (asked, list) => {
      const names = await list('')
      if (asked === 0) await writer.flush()
      return names
    })
    expect(await idsSeenBy(reading)).toEqual([1, 2, 3, 4])
    await writer.close()
  })

  it('creates the database sees it, and no corruption', async () => {
    const disk = new SimulatedDisk()
    const { disk: written } = await writing()
    const reading = withList(disk, async (_asked, list) => {
      // Head and objects appear after the reader found no head.
      disk.head = written.head
      for (const [name, bytes] of written.objects) disk.objects.set(name, bytes)
      return list('')
    })
    expect(await idsSeenBy(reading)).toEqual([1, 2, 3, 4])
  })

  it('appends is not misled by a listing that shows a WAL object and not the one before it', async () => {
    const { disk, writer, collection } = await writing()
    const missing = walNames(disk).at(-2)
    const reading = withList(disk, async (asked, list) => {
      if (asked > 0) {
        // The second listing is no snapshot either: it shows 6 and not 5.
        await collection.upsert([{ id: 5, vector: vectorOf(5) }])
        const unseen = walNames(disk).at(-1)
        await collection.upsert([{ id: 6, vector: vectorOf(6) }])
        return (await list('')).filter((name) => name !== unseen)
      }
      return (await list('')).filter((name) => name !== missing)
    })
    expect(await idsSeenBy(reading)).toEqual([1, 2, 3, 4])
    await writer.close()
  })

  it('takes a frame back that found no room looks again', async () => {
    const { disk, writer } = await writing()
    const last = walNames(disk).at(-1)!
    const next = `${last.slice(0, -1)}${(Number.parseInt(last.slice(-1), 16) + 1).toString(16)}`
    const reading = withList(disk, async (asked, list) => {
      const names = await list('')
      return asked === 0 ? [...names, next] : names
    })
    expect(await idsSeenBy(reading)).toEqual([1, 2, 3, 4])
    await writer.close()
  })

  it('gives up with CONFLICT when the database never stands still', async () => {
    const { disk, writer, collection } = await writing()
    const reading = withList(disk, async (asked, list) => {
      await collection.upsert([{ id: asked, vector: vectorOf(asked) }])
      await writer.flush()
      return list('')
    })
    expect(await rejection(openInPlace(reading, { readOnly: true }))).toBe('CONFLICT')
    await writer.close()
  })
})

describe('a gap in the WAL', () => {
  it('that stays is CORRUPTION, for readers and writers', async () => {
    const { disk } = await writing()
    disk.objects.delete(walNames(disk).at(-2)!)
    for (const readOnly of [true, false]) {
      expect(await rejection(openInPlace(disk, { readOnly }))).toBe('CORRUPTION')
    }
    expect(disk.openSessions).toBe(1)
  })
})
