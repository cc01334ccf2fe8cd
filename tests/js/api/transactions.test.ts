import { expect, it } from 'vitest'
import type { OmenError, Transaction, TransactionCollection } from 'omendb'
import { codeOf, collect, describeBoth, errorOf, type OpenMemory, untyped } from './both-engines.js'

interface N {
  n: number
}

const row = (id: string, n: number) => ({ id, vector: [n, 0, 0], metadata: { n } })

async function opened(openMemory: OpenMemory) {
  const db = await openMemory()
  const notes = await db.collection<N>('notes', { dimensions: 3, metric: 'l2' })
  await notes.upsert([row('a', 1), row('b', 2)])
  return { db, notes }
}

describeBoth('a transaction', (openMemory) => {
  it('becomes one commit, of all its collections', async () => {
    const { db, notes } = await opened(openMemory)
    const other = await db.collection<N>('other', { dimensions: 3, metric: 'l2' })
    const before = (await db.stats()).sequence
    const result = await db.transaction(async (transaction) => {
      const [inNotes, inOther] = [
        await transaction.collection<N>('notes'),
        await transaction.collection<N>('other'),
      ]
      await inNotes.upsert([row('a', 10), row('c', 3)])
      await inOther.upsert([row('x', 7)])
      expect(await inNotes.delete(['b', 'nowhere'])).toBe(1)
      return 'done'
    })
    expect(result).toBe('done')
    expect((await db.stats()).sequence).toBe(before + 1)
    expect((await notes.get(['a', 'b', 'c'])).map((each) => each?.metadata?.n)).toEqual([10, undefined, 3])
    expect(await other.count()).toBe(1)
  })

  it('reads what it wrote, by get, search, list and count; nobody else does', async () => {
    const { db, notes } = await opened(openMemory)
    await db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      await own.upsert([row('a', 50), row('new', 5)])
      await own.delete(['b'])
      expect((await own.get(['a', 'b', 'new'])).map((each) => each?.metadata?.n)).toEqual([50, undefined, 5])
      const hits = await own.search({ vector: [5, 0, 0], k: 10 })
      expect(hits.map(({ id, metadata }) => [id, metadata?.n])).toEqual([
        ['new', 5],
        ['a', 50],
      ])
      expect((await collect(own.list())).map(({ id }) => id).sort()).toEqual(['a', 'new'])
      expect(await own.count()).toBe(2)
      const lists = await own.searchBatch({ vectors: [[50, 0, 0]], k: 1 })
      expect(lists[0]?.[0]?.id).toBe('a')

      expect((await notes.get(['a', 'b', 'new'])).map((each) => each?.metadata?.n)).toEqual([1, 2, undefined])
      expect(await notes.count()).toBe(2)
      expect((await notes.search({ vector: [5, 0, 0], k: 10 })).map(({ id }) => id)).toEqual(['b', 'a'])
    })
    expect(await notes.count()).toBe(2)
  })

  it('reads the state of its beginning', async () => {
    const { db, notes } = await opened(openMemory)
    await db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      await notes.upsert([row('a', 100), row('late', 9)])
      expect((await own.get(['a', 'late'])).map((each) => each?.metadata?.n)).toEqual([1, undefined])
    })
  })

  it('is given up when the function throws, and rejects with just that', async () => {
    const { db, notes } = await opened(openMemory)
    const before = (await db.stats()).sequence
    const reason = new Error('no')
    const attempt = db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      await own.upsert([row('a', 10), row('c', 3)])
      await own.delete(['b'])
      throw reason
    })
    await expect(attempt).rejects.toBe(reason)
    expect((await notes.get(['a', 'b', 'c'])).map((each) => each?.metadata?.n)).toEqual([1, 2, undefined])
    expect((await db.stats()).sequence).toBe(before)
    await expect(
      db.transaction(() => {
        throw reason
      }),
    ).rejects.toBe(reason)
  })

  it('that writes nothing commits nothing', async () => {
    const { db } = await opened(openMemory)
    const before = (await db.stats()).sequence
    expect(await db.transaction(async (transaction) => (await transaction.collection('notes')).count())).toBe(
      2,
    )
    expect(await db.transaction(() => 5)).toBe(5)
    expect((await db.stats()).sequence).toBe(before)
  })

  it('loses no update: the second to commit an id rejects with CONFLICT', async () => {
    const { db, notes } = await opened(openMemory)
    const increment = async (transaction: Transaction): Promise<void> => {
      const own = await transaction.collection<N>('notes')
      const [found] = await own.get(['a'])
      await own.upsert([row('a', found!.metadata!.n + 1)])
    }
    const outcomes = await Promise.allSettled([db.transaction(increment), db.transaction(increment)])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const rejected = outcomes.find((each) => each.status === 'rejected')
    expect(rejected?.reason).toMatchObject({ code: 'CONFLICT' })
    expect((await notes.get(['a']))[0]?.metadata?.n).toBe(2)

    // A plain write counts as well, and a deletion.
    for (const write of [() => notes.upsert([row('a', 7)]), () => notes.delete(['a'])]) {
      const attempt = db.transaction(async (transaction) => {
        const own = await transaction.collection<N>('notes')
        await own.upsert([row('a', 8)])
        await write()
      })
      expect(await codeOf(attempt)).toBe('CONFLICT')
    }
    // Two that insert one new id.
    const attempt = db.transaction(async (transaction) => {
      await (await transaction.collection<N>('notes')).upsert([row('fresh', 1)])
      await notes.upsert([row('fresh', 2)])
    })
    expect(await codeOf(attempt)).toBe('CONFLICT')
    expect((await notes.get(['fresh']))[0]?.metadata?.n).toBe(2)
  })

  it('runs anew after a conflict when asked to', async () => {
    const { db, notes } = await opened(openMemory)
    const increments = Array.from({ length: 8 }, () =>
      db.transaction(
        async (transaction) => {
          const own = await transaction.collection<N>('notes')
          const [found] = await own.get(['a'])
          await own.upsert([row('a', found!.metadata!.n + 1)])
        },
        { retries: 100 },
      ),
    )
    await Promise.all(increments)
    expect((await notes.get(['a']))[0]?.metadata?.n).toBe(9)

    let runs = 0
    const hopeless = db.transaction(
      async (transaction) => {
        runs += 1
        await (await transaction.collection<N>('notes')).upsert([row('a', 0)])
        await notes.upsert([row('a', runs)])
      },
      { retries: 2 },
    )
    expect(await codeOf(hopeless)).toBe('CONFLICT')
    expect(runs).toBe(3)
  })

  it('may skew writes: two that read both rows and write one each do not conflict', async () => {
    const { db, notes } = await opened(openMemory)
    const move = (from: string, to: string) => async (transaction: Transaction) => {
      const own = await transaction.collection<N>('notes')
      const [read] = await own.get([from])
      await own.upsert([row(to, read!.metadata!.n)])
    }
    await Promise.all([db.transaction(move('a', 'b')), db.transaction(move('b', 'a'))])
    expect((await notes.get(['a', 'b'])).map((each) => each?.metadata?.n)).toEqual([2, 1])
  })

  it('conflicts with the drop of a collection that it wrote to', async () => {
    const { db } = await opened(openMemory)
    const attempt = db.transaction(async (transaction) => {
      await (await transaction.collection<N>('notes')).upsert([row('z', 1)])
      await db.drop('notes')
    })
    expect(await codeOf(attempt)).toBe('CONFLICT')
    expect(await db.collections()).toEqual([])
  })

  it('is not usable after its end', async () => {
    const { db, notes } = await opened(openMemory)
    let escaped: [Transaction, TransactionCollection<N>] | undefined
    await db.transaction(async (transaction) => {
      escaped = [transaction, await transaction.collection<N>('notes')]
    })
    const [transaction, own] = escaped!
    expect(await codeOf(transaction.collection('notes'))).toBe('CLOSED')
    expect(await codeOf(own.upsert([row('late', 1)]))).toBe('CLOSED')
    expect(await codeOf(own.delete(['a']))).toBe('CLOSED')
    expect(await codeOf(own.get(['a']))).toBe('CLOSED')
    expect(await codeOf(own.count())).toBe('CLOSED')
    expect(await codeOf(own.search({ vector: [0, 0, 0], k: 1 }))).toBe('CLOSED')
    expect(await notes.count()).toBe(2)
  })

  it('waits for writes that were not awaited, and rejects when one of them fails', async () => {
    const { db, notes } = await opened(openMemory)
    await db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      void own.upsert([row('c', 3)])
    })
    expect(await notes.count()).toBe(3)
    for (const pause of [false, true]) {
      const attempt = db.transaction(async (transaction) => {
        const own = await transaction.collection<N>('notes')
        await own.upsert([row('d', 4)])
        void own.upsert([{ id: 'bad', vector: [NaN, 0, 0], metadata: { n: 0 } }])
        if (pause) await own.count()
      })
      expect(await codeOf(attempt)).toBe('INVALID_VECTOR')
    }
    expect(await notes.count()).toBe(3)
  })

  it('goes on after a write that failed and was dealt with', async () => {
    const { db, notes } = await opened(openMemory)
    await db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      expect(await codeOf(own.upsert([{ id: 'x', vector: [1, 2] }]))).toBe('DIMENSION_MISMATCH')
      expect(await codeOf(own.upsert([row('e', 1), row('e', 2)]))).toBe('DUPLICATE_ID')
      expect(await codeOf(own.upsert([row('f', 1), { id: 'x', vector: [NaN, 0, 0] }]))).toBe('INVALID_VECTOR')
      await own.upsert([row('c', 3)])
      expect(await own.count()).toBe(3)
    })
    expect(await notes.count()).toBe(3)
  })

  it('cannot leave out half of a large write that failed', async () => {
    const { db, notes } = await opened(openMemory)
    const count = 120_000
    const vectors = new Float32Array(3 * count)
    vectors[vectors.length - 1] = NaN
    const attempt = db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      const ids = Array.from({ length: count }, (_, i) => i)
      expect(await codeOf(own.upsert({ ids, vectors }))).toBe('INVALID_VECTOR')
    })
    expect(await codeOf(attempt)).toBe('INVALID_VECTOR')
    expect(await notes.count()).toBe(2)
  })

  it('takes many rows, as columns, and their deletion', async () => {
    const { db, notes } = await opened(openMemory)
    const ids = Array.from({ length: 40_000 }, (_, i) => i)
    await db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      await own.upsert({ ids, vectors: new Float32Array(3 * ids.length) })
      expect(await own.delete(ids.slice(10))).toBe(ids.length - 10)
      expect(await own.count()).toBe(12)
    })
    expect(await notes.count()).toBe(12)
  })

  it('has in it what resolved, and nothing of what was aborted', async () => {
    const { db, notes } = await opened(openMemory)
    for (const late of [false, true]) {
      const controller = new AbortController()
      const id = `late ${late}`
      let code = 'no error'
      await db.transaction(async (transaction) => {
        const own = await transaction.collection<N>('notes')
        const write = own.upsert([row(id, 1)], { signal: controller.signal })
        if (late) await own.count()
        controller.abort('enough')
        code = await write.then(
          () => code,
          (error: unknown) => (error as OmenError).code,
        )
      })
      expect((await notes.get([id]))[0] === null, code).toBe(code === 'ABORTED')
    }
  })

  it('ends with its database', async () => {
    const { db } = await opened(openMemory)
    const attempt = db.transaction(async (transaction) => {
      await (await transaction.collection<N>('notes')).upsert([row('c', 3)])
      await db.close()
    })
    expect(await codeOf(attempt)).toBe('CLOSED')
  })

  it('refuses bad arguments', async () => {
    const { db } = await opened(openMemory)
    expect(await codeOf(db.transaction(untyped(7)))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(db.transaction(() => 1, untyped({ retry: 1 })))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(db.transaction(() => 1, { retries: -1 }))).toBe('INVALID_ARGUMENT')
    await db.transaction(async (transaction) => {
      expect(await codeOf(transaction.collection('none'))).toBe('NOT_FOUND')
      const own = await transaction.collection<N>('notes')
      expect(await codeOf(own.upsert(untyped(null)))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(own.delete(untyped('a')))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(own.upsert([], untyped({ onProgress: 1 })))).toBe('INVALID_ARGUMENT')
      expect((await errorOf(own.delete(['a'], { signal: AbortSignal.abort('x') }))).cause).toBe('x')
    })
  })
})
