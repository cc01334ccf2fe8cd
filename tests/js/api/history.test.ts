import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../../js/api/database.js'
import { openInPlace, OPTIONS, rejection, vectorOf } from '../engine/open-in-place.js'
import { SimulatedDisk } from '../engine/simulated-disk.js'
import { codeOf, collect, describeBoth, untyped } from './both-engines.js'

interface N {
  n: number
}

const row = (id: string, n: number) => ({ id, vector: [n, 0, 0], metadata: { n } })
const OF_THREE = { dimensions: 3, metric: 'l2' } as const

describeBoth('the past', (openMemory) => {
  it('can be read at every commit, as long as it is kept', async () => {
    const db = await openMemory({ retentionMs: Infinity })
    const notes = await db.collection<N>('notes', OF_THREE)
    const expected = new Map<number, Record<string, number>>()
    const note = async (contents: Record<string, number>) =>
      expected.set((await db.stats()).sequence, contents)
    await note({})
    await notes.upsert([row('a', 1), row('b', 2)])
    await note({ a: 1, b: 2 })
    await notes.upsert([row('a', 3)])
    await note({ a: 3, b: 2 })
    await notes.delete(['b'])
    await note({ a: 3 })
    await db.idle()
    await notes.upsert([row('b', 4), row('c', 5)])
    await note({ a: 3, b: 4, c: 5 })
    for (const [sequence, contents] of expected) {
      await using then = await db.at(sequence)
      expect(then.sequence).toBe(sequence)
      const rows = await collect((await then.collection<N>('notes')).list())
      expect(Object.fromEntries(rows.map(({ id, metadata }) => [String(id), metadata!.n]))).toEqual(contents)
    }
    const { sequence, oldestSequence } = await db.stats()
    expect(oldestSequence).toBeLessThanOrEqual(1)
    expect(await codeOf(db.at(sequence + 1))).toBe('INVALID_ARGUMENT')
  })

  it('is not kept without retentionMs, but for the snapshots that are open', async () => {
    const db = await openMemory()
    const notes = await db.collection<N>('notes', OF_THREE)
    await notes.upsert([row('a', 1)])
    const held = await db.snapshot()
    await notes.upsert([row('a', 2)])
    await notes.upsert([row('a', 3)])
    const { sequence } = await db.stats()
    expect(await codeOf(db.at(sequence - 1))).toBe('NOT_RETAINED')
    expect(await codeOf(db.restore({ to: sequence - 1 }))).toBe('NOT_RETAINED')
    expect(await codeOf(db.at(new Date(0)))).toBe('NOT_RETAINED')
    expect((await (await held.collection<N>('notes')).get(['a']))[0]?.metadata?.n).toBe(1)
    expect((await (await (await db.at(sequence)).collection<N>('notes')).get(['a']))[0]?.metadata?.n).toBe(3)
    expect((await db.at(new Date(Date.now() + 60_000))).sequence).toBe(sequence)
  })

  it('can be gone back to, as one commit', async () => {
    const db = await openMemory({ retentionMs: Infinity })
    const notes = await db.collection<N>('notes', OF_THREE)
    const dropped = await db.collection<N>('dropped', OF_THREE)
    await notes.upsert([row('a', 1), row('b', 2)])
    await dropped.upsert([row('x', 9)])
    const { sequence: then } = await db.stats()
    await notes.upsert([row('a', 10), row('c', 3)])
    await notes.delete(['b'])
    await db.drop('dropped')
    await db.collection('later', OF_THREE)
    const { sequence: before } = await db.stats()

    await db.restore({ to: then })
    expect((await db.stats()).sequence).toBe(before + 1)
    expect((await notes.get(['a', 'b', 'c'])).map((each) => each?.metadata?.n)).toEqual([1, 2, undefined])
    expect((await db.collections()).sort()).toEqual(['dropped', 'notes'])
    const again = await db.collection<N>('dropped')
    expect((await again.get(['x']))[0]?.metadata?.n).toBe(9)
    expect(await codeOf(dropped.count())).toBe('NOT_FOUND')
    // The one of then and the one that was made again are two.
    const past = await (await db.at(then)).collection<N>('dropped')
    await again.delete(['x'])
    expect([await past.count(), await again.count()]).toEqual([1, 0])

    // Nothing is lost by it: what was before is the past now.
    await db.restore({ to: before })
    expect((await notes.get(['a', 'b', 'c'])).map((each) => each?.metadata?.n)).toEqual([10, undefined, 3])
    const { sequence } = await db.stats()
    await db.restore({ to: sequence })
    expect((await db.stats()).sequence, 'there was nothing to do').toBe(sequence)
  })

  it('refuses bad arguments', async () => {
    const db = await openMemory()
    for (const bad of ['1', -1, 1.5, NaN, null, undefined, new Date(NaN), 1n]) {
      expect(await codeOf(db.at(untyped(bad)))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(db.restore({ to: untyped(bad) }))).toBe('INVALID_ARGUMENT')
    }
    for (const bad of [null, 7, 'x', {}, { from: 1 }]) {
      expect(await codeOf(db.restore(untyped(bad)))).toBe('INVALID_ARGUMENT')
    }
    for (const retentionMs of [-1, 0.5, '1', NaN, null]) {
      expect(await codeOf(openMemory({ retentionMs: untyped(retentionMs) }))).toBe('INVALID_ARGUMENT')
    }
  })
})

describe('retention by time', () => {
  const MINUTE = 60_000
  const START = Date.UTC(2026, 0, 1)

  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: START }))
  afterEach(() => vi.useRealTimers())

  const at = (minutes: number) => new Date(START + minutes * MINUTE)

  /** One write a minute: after the one of minute m the row's n is m. */
  async function written(disk: SimulatedDisk, minutes: number): Promise<Database> {
    const { db } = await openInPlace(disk, { retentionMs: 10 * MINUTE })
    const notes = await db.collection<N>('notes', OPTIONS)
    for (let minute = 1; minute <= minutes; minute += 1) {
      vi.setSystemTime(at(minute))
      await notes.upsert([{ id: 'a', vector: vectorOf(minute), metadata: { n: minute } }])
    }
    return db
  }

  async function readAt(db: Database, when: Date): Promise<number | undefined> {
    await using then = await db.at(when)
    return (await (await then.collection<N>('notes')).get(['a']))[0]?.metadata?.n
  }

  it('keeps what is younger, and what was the state at its edge', async () => {
    const db = await written(new SimulatedDisk(), 30)
    for (let minute = 20; minute <= 30; minute += 1) {
      expect(await readAt(db, at(minute))).toBe(minute)
      expect(await readAt(db, new Date(at(minute).getTime() + 30_000))).toBe(minute)
    }
    expect(await rejection(db.at(at(19)))).toBe('NOT_RETAINED')
    await db.close()
  })

  it('is kept over close and open, and goes on being measured by the clock', async () => {
    const disk = new SimulatedDisk()
    await (await written(disk, 30)).close()
    vi.setSystemTime(at(35))
    const { db } = await openInPlace(disk, { retentionMs: 10 * MINUTE })
    await db.idle()
    expect(await rejection(readAt(db, at(24)))).toBe('NOT_RETAINED')
    for (let minute = 25; minute <= 30; minute += 1) expect(await readAt(db, at(minute))).toBe(minute)
    await db.restore({ to: at(27) })
    expect(await readAt(db, at(35))).toBe(27)
    await db.close()
    vi.setSystemTime(at(200))
    const { db: later } = await openInPlace(disk, { retentionMs: 10 * MINUTE })
    await later.idle()
    expect(await readAt(later, at(200))).toBe(27)
    expect(await rejection(readAt(later, at(30)))).toBe('NOT_RETAINED')
    await later.close()
  })

  it('does not run backwards with a clock that is set back', async () => {
    const db = await written(new SimulatedDisk(), 30)
    const notes = await db.collection<N>('notes')
    vi.setSystemTime(at(-1000))
    await notes.upsert([{ id: 'a', vector: vectorOf(1), metadata: { n: 99 } }])
    expect(await readAt(db, at(30))).toBe(99)
    expect(await readAt(db, at(25))).toBe(25)
    await db.close()
  })
})
