import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Database, open } from 'omendb'
import { codeOf, collect, describeBoth, ENGINES, errorOf, untyped } from './both-engines.js'

interface N {
  n: number
}

const OF_THREE = { dimensions: 3, metric: 'l2' } as const
const row = (id: string, n: number) => ({ id, vector: [n, 0, 0], metadata: { n } })

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())
}

function streamOf(bytes: Uint8Array, chunkBytes = bytes.length || 1): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, (at += chunkBytes)))
    },
  })
}

async function contents(db: Database, name = 'notes'): Promise<Record<string, number>> {
  const rows = await collect((await db.collection<N>(name)).list())
  return Object.fromEntries(rows.map(({ id, metadata }) => [String(id), metadata!.n]))
}

async function filled(db: Database): Promise<void> {
  const notes = await db.collection<N>('notes', OF_THREE)
  await notes.upsert([row('a', 1), row('b', 2), row('c', 3)])
  await notes.delete(['b'])
  await db.collection('empty', { dimensions: 2, metric: 'cosine' })
}

describeBoth('a backup', (openMemory) => {
  it('brings everything into another database', async () => {
    const db = await openMemory()
    await filled(db)
    const backup = await bytesOf(await db.backup())
    const other = await openMemory()
    await (await other.collection('old', OF_THREE)).upsert([row('gone', 1)])
    for (const chunkBytes of [backup.length, 1000, 7]) {
      await other.restore(streamOf(backup, chunkBytes))
      expect(await other.collections()).toEqual(['notes', 'empty'])
      expect(await contents(other)).toEqual({ a: 1, c: 3 })
    }
    const notes = await other.collection<N>('notes')
    await notes.upsert([row('d', 4)])
    expect(await contents(other)).toEqual({ a: 1, c: 3, d: 4 })
    expect((await notes.search({ vector: [4, 0, 0], k: 1 }))[0]?.id).toBe('d')
  })

  it('of an empty database empties another', async () => {
    const backup = await bytesOf(await (await openMemory()).backup())
    const other = await openMemory()
    await filled(other)
    await other.restore(streamOf(backup))
    expect(await other.collections()).toEqual([])
    await filled(other)
    expect(await contents(other)).toEqual({ a: 1, c: 3 })
  })

  it('is of the moment it was asked for, whatever is written while it is read', async () => {
    const db = await openMemory()
    await filled(db)
    const stream = await db.backup()
    const notes = await db.collection<N>('notes')
    await notes.upsert([row('a', 100), row('late', 5)])
    await notes.delete(['c'])
    await db.flush()
    await db.idle()
    const backup = await bytesOf(stream)
    await db.restore(streamOf(backup))
    expect(await contents(db)).toEqual({ a: 1, c: 3 })
  })

  it('that is restored ends snapshots and transactions; collections go on by their names', async () => {
    const db = await openMemory()
    await filled(db)
    const backup = await bytesOf(await db.backup())
    const notes = await db.collection<N>('notes')
    await db.drop('empty')
    const other = await db.collection('empty', { dimensions: 4, metric: 'l2' })
    const later = await db.collection('later', OF_THREE)
    const snapshot = await db.snapshot()
    const view = await snapshot.collection('notes')
    const { sequence: before } = await db.stats()
    const attempt = db.transaction(async (transaction) => {
      const own = await transaction.collection<N>('notes')
      await own.upsert([row('t', 1)])
      await db.restore(streamOf(backup))
      await own.upsert([row('u', 1)])
    })
    expect(await codeOf(attempt)).toBe('CLOSED')
    expect(await codeOf(view.count())).toBe('CLOSED')
    await snapshot.close()

    expect((await db.stats()).sequence).toBeGreaterThan(before)
    expect((await notes.get(['a', 'b', 't'])).map((each) => each?.metadata?.n)).toEqual([
      1,
      undefined,
      undefined,
    ])
    await notes.upsert([row('z', 26)])
    expect(await contents(db)).toEqual({ a: 1, c: 3, z: 26 })
    expect(await codeOf(later.count())).toBe('NOT_FOUND')
    expect(await codeOf(other.count()), 'other dimensions').toBe('NOT_FOUND')
    expect(await codeOf(later.upsert([row('x', 1)]))).toBe('NOT_FOUND')
    // A second time, through the handles of before the first.
    await db.restore(streamOf(backup))
    expect(await notes.count()).toBe(2)
    expect(await codeOf(later.count())).toBe('NOT_FOUND')
  })

  it('that is damaged at any byte is CORRUPTION, and so is one that is cut off or too long', async () => {
    const db = await openMemory()
    const tiny = await db.collection<N>('t', { dimensions: 1, metric: 'l2' })
    await tiny.upsert([{ id: 'a', vector: [1], metadata: { n: 1 } }])
    const backup = await bytesOf(await db.backup())
    const { sequence } = await db.stats()
    for (let at = 0; at < backup.length; at += 1) {
      const damaged = backup.slice()
      damaged[at]! ^= 1 << (at % 8)
      expect(await codeOf(db.restore(streamOf(damaged))), `byte ${at}`).toBe('CORRUPTION')
    }
    for (let size = 0; size < backup.length; size += size < 64 ? 1 : 37) {
      expect(await codeOf(db.restore(streamOf(backup.slice(0, size)))), `cut at ${size}`).toBe('CORRUPTION')
    }
    const longer = new Uint8Array(backup.length + 1)
    longer.set(backup)
    expect(await codeOf(db.restore(streamOf(longer)))).toBe('CORRUPTION')
    expect((await db.stats()).sequence).toBe(sequence)
    expect(await contents(db, 't')).toEqual({ a: 1 })
    await tiny.upsert([{ id: 'b', vector: [2], metadata: { n: 2 } }])
    expect(await tiny.count()).toBe(2)
  })

  it('refuses streams of something else, and passes on what a stream fails with', async () => {
    const db = await openMemory()
    const of = (pull: (controller: ReadableStreamDefaultController<unknown>) => void) =>
      untyped<ReadableStream<Uint8Array>>(new ReadableStream({ pull }))
    expect(await codeOf(db.restore(of((controller) => controller.enqueue('text'))))).toBe('INVALID_ARGUMENT')
    const reason = new Error('the network is gone')
    const failed = await errorOf(db.restore(of((controller) => controller.error(reason))))
    expect([failed.code, failed.cause]).toEqual(['STORAGE_FAILED', reason])
    const locked = streamOf(new Uint8Array(1))
    locked.getReader()
    expect(await codeOf(db.restore(locked))).toBe('INVALID_ARGUMENT')
    const controller = new AbortController()
    const endless = of(() => controller.abort('enough'))
    const stopped = await errorOf(db.restore(endless, { signal: controller.signal }))
    expect([stopped.code, stopped.cause]).toEqual(['ABORTED', 'enough'])
    expect(await codeOf(db.restore(streamOf(new Uint8Array(1)), untyped({ to: 1 })))).toBe('INVALID_ARGUMENT')
  })

  it('ends with its database, and can be cancelled', async () => {
    const db = await openMemory()
    await filled(db)
    const cancelled = await db.backup()
    await cancelled.cancel()
    const reader = (await db.backup()).getReader()
    expect((await reader.read()).done).toBe(false)
    await db.close()
    expect(await codeOf(reader.read())).toBe('CLOSED')
  })
})

describe.each(ENGINES)('backups of folders ($engine)', ({ worker }) => {
  const folders: string[] = []
  const folder = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), 'omendb-backup-'))
    folders.push(path)
    return path
  }
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((path) => rm(path, { recursive: true, force: true })))
  })

  it('go from a folder to memory and back, by handles that only read as well', async () => {
    const path = await folder()
    {
      await using db = await open(path, { worker })
      await filled(db)
    }
    await using reader = await open(path, { worker, readOnly: true })
    const backup = await bytesOf(await reader.backup())
    expect(await bytesOf(await reader.backup())).toHaveLength(backup.length)
    expect(await codeOf(reader.restore(streamOf(backup)))).toBe('READ_ONLY')

    await using memory = await open('memory', { storage: 'memory', worker: !worker })
    await memory.restore(streamOf(backup))
    expect(await contents(memory)).toEqual({ a: 1, c: 3 })
    await (await memory.collection<N>('notes')).upsert([row('m', 13)])

    const target = await folder()
    {
      await using db = await open(target, { worker })
      await (await db.collection('old', OF_THREE)).upsert([row('x', 1)])
      await db.restore(await memory.backup())
      await (await db.collection<N>('notes')).upsert([row('n', 14)])
    }
    await using again = await open(target, { worker })
    expect(await again.collections()).toEqual(['notes', 'empty'])
    expect(await contents(again)).toEqual({ a: 1, c: 3, m: 13, n: 14 })
  })

  it('hold a large collection with its graph, taken and restored under writes', async () => {
    await using db = await open(await folder(), { worker })
    const notes = await db.collection<N>('notes', OF_THREE)
    const ids = Array.from({ length: 5000 }, (_, i) => i)
    const vectors = Float32Array.from({ length: 15_000 }, (_, i) => Math.sin(i * i))
    await notes.upsert({ ids, vectors })
    await db.idle()
    let writing = true
    const writer = (async () => {
      for (let i = 0; writing; i += 1) await notes.upsert([row(`w${i}`, i)])
    })()
    const backup = await bytesOf(await db.backup())
    await db.restore(streamOf(backup, 100_000))
    writing = false
    await writer
    // The writes of before the backup are in it; those after the restore are in the database.
    expect((await notes.get(ids)).filter((each) => each === null)).toEqual([])
    expect((await notes.search({ vector: vectors.slice(30, 33), k: 1 }))[0]?.id).toBe(10)
    expect((await notes.stats()).indexedRows).toBeGreaterThanOrEqual(5000)
    await notes.upsert([row('after', 1)])
    expect((await notes.get(['after']))[0]?.id).toBe('after')
  })
})
