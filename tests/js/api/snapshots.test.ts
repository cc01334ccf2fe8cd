import { expect, it } from 'vitest'
import type { CollectionView } from 'omendb'
import { codeOf, collect, describeBoth, errorOf, openNotes, untyped } from './both-engines.js'

interface N {
  n: number
}

const row = (id: string, n: number) => ({ id, vector: [n, 0, 0], metadata: { n } })

/** The rows of a view by every way of reading them, which must agree. */
async function rowsOf(view: CollectionView<N>): Promise<Record<string, number>> {
  const listed = await collect(view.list())
  const found = await view.search({ vector: [0, 0, 0], k: 1000, exact: true })
  const ids = listed.map(({ id }) => id)
  expect(new Set(found.map((hit) => hit.id))).toEqual(new Set(ids))
  expect(await view.count()).toBe(ids.length)
  expect(await view.get(ids)).toEqual(listed)
  return Object.fromEntries(listed.map(({ id, metadata }) => [String(id), metadata!.n]))
}

describeBoth('a snapshot', (openMemory) => {
  it('stays as it was, whatever is written', async () => {
    const db = await openMemory()
    const notes = await db.collection<N>('notes', { dimensions: 3, metric: 'l2' })
    await notes.upsert([row('a', 1), row('b', 2)])
    const snapshot = await db.snapshot()
    const { sequence } = await db.stats()
    expect(snapshot.sequence).toBe(sequence)

    await notes.upsert([row('b', 20), row('c', 3)])
    await notes.delete(['a'])
    const then = await snapshot.collection<N>('notes')
    expect([then.name, then.dimensions]).toEqual(['notes', 3])
    expect(await rowsOf(then)).toEqual({ a: 1, b: 2 })
    expect(await rowsOf(notes)).toEqual({ b: 20, c: 3 })
    expect((await then.get(['c', 'a'])).map((each) => each?.id)).toEqual([undefined, 'a'])
    await snapshot.close()
  })

  it('answers searchBatch, list from an id on, and reads without metadata', async () => {
    const db = await openMemory()
    const notes = await db.collection<N>('notes', { dimensions: 3, metric: 'l2' })
    await notes.upsert([row('a', 1), row('b', 2), row('c', 3)])
    await using snapshot = await db.snapshot()
    const then = await snapshot.collection<N>('notes')
    await notes.delete(['a', 'b', 'c'])
    const lists = await then.searchBatch({
      vectors: [
        [1, 0, 0],
        [3, 0, 0],
      ],
      k: 1,
    })
    expect(lists.map(([hit]) => hit?.id)).toEqual(['a', 'c'])
    expect((await collect(then.list({ after: 'a', include: [] }))).map(({ id }) => id)).toEqual(['b', 'c'])
    expect(await codeOf(collect(then.list({ after: 'z' })))).toBe('NOT_FOUND')
    expect(await notes.count()).toBe(0)
  })

  it('keeps its rows through indexing and cleaning of a large collection', async () => {
    const db = await openMemory()
    const notes = await db.collection<N>('notes', { dimensions: 3, metric: 'l2' })
    const count = 4000
    const ids = Array.from({ length: count }, (_, i) => `r${i}`)
    const vectors = Float32Array.from({ length: 3 * count }, (_, i) => Math.sin(i))
    await notes.upsert({ ids, vectors })
    await using snapshot = await db.snapshot()
    const then = await snapshot.collection('notes')
    await notes.delete(ids.slice(0, count - 10))
    await notes.upsert({ ids, vectors: vectors.map((value) => value + 100) })
    await notes.delete(ids.slice(0, count / 2))
    await db.idle()
    expect([await then.count(), await notes.count()]).toEqual([count, count / 2])
    const query = vectors.slice(300, 303)
    // The rows of now lie so far away that the codes of these, which they share, hardly tell them apart.
    const [nearest] = await then.search({ vector: query, k: 1, exact: true })
    expect([nearest?.id, nearest?.distance]).toEqual(['r100', 0])
    const hits = await then.search({ vector: query, k: count })
    expect(new Set(hits.map(({ id }) => id)).size).toBe(count)
  })

  it('knows the collections of then, dropped and made anew since', async () => {
    const db = await openMemory()
    await db.collection('kept', { dimensions: 2, metric: 'l2' })
    const old = await db.collection<N>('swapped', { dimensions: 3, metric: 'l2' })
    await old.upsert([row('a', 1)])
    await db.collection('gone', { dimensions: 2, metric: 'dot' })
    await using snapshot = await db.snapshot()
    await db.drop('gone')
    await db.drop('swapped')
    const anew = await db.collection('swapped', { dimensions: 5, metric: 'dot' })
    await db.collection('later', { dimensions: 2, metric: 'l2' })

    expect(await db.collections()).toEqual(['kept', 'swapped', 'later'])
    expect(await snapshot.collections()).toEqual(['kept', 'swapped', 'gone'])
    expect(await rowsOf(await snapshot.collection<N>('swapped'))).toEqual({ a: 1 })
    expect(await (await snapshot.collection('gone')).count()).toBe(0)
    expect(await codeOf(snapshot.collection('later'))).toBe('NOT_FOUND')
    expect(anew.dimensions).toBe(5)
  })

  it('ends when it is closed, with its database, and by await using', async () => {
    const db = await openMemory()
    const notes = await db.collection<N>('notes', { dimensions: 3, metric: 'l2' })
    const [first, second] = [await db.snapshot(), await db.snapshot()]
    const view = await first.collection<N>('notes')
    await first.close()
    await first.close()
    expect(await codeOf(view.count())).toBe('CLOSED')
    expect(await codeOf(first.collections())).toBe('CLOSED')
    expect(await codeOf(view.searchBatch({ vectors: [[0, 0, 0]], k: 1 }))).toBe('CLOSED')
    expect(await (await second.collection('notes')).count()).toBe(0)
    await notes.upsert([row('a', 1)])
    await db.close()
    expect(await codeOf(second.collections())).toBe('CLOSED')
    await second.close()
  })

  it('is one of 1,024 at a time', async () => {
    const db = await openMemory()
    const open = await Promise.all(Array.from({ length: 1024 }, () => db.snapshot()))
    expect(await codeOf(db.snapshot())).toBe('LIMIT_EXCEEDED')
    await open[0]!.close()
    await (await db.snapshot()).close()
    await Promise.all(open.map((each) => each.close()))
  })

  it('refuses bad names', async () => {
    const db = await openMemory()
    await using snapshot = await db.snapshot()
    expect(await codeOf(snapshot.collection(''))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(snapshot.collection(untyped(7)))).toBe('INVALID_ARGUMENT')
    expect((await errorOf(snapshot.collection('none'))).message).toContain('"none"')
  })
})

describeBoth('a handle of a collection', (openMemory) => {
  it('has no writes in a snapshot', async () => {
    const notes = await openNotes(openMemory)
    expect('upsert' in notes).toBe(true)
    const db = await openMemory()
    await db.collection('notes', { dimensions: 3, metric: 'l2' })
    await using snapshot = await db.snapshot()
    expect('upsert' in (await snapshot.collection('notes'))).toBe(false)
  })
})
