/** Restores and backups of a disk that fails, and checkpoints that writes have to wait for. */
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../js/api/database.js'
import { Checkpointer } from '../../../js/engine/checkpointer.js'
import { CommitQueue } from '../../../js/engine/commit-queue.js'
import { Handles } from '../../../js/engine/handles.js'
import { Store } from '../../../js/engine/store.js'
import { VectorReader } from '../../../js/engine/vector-reader.js'
import { errorFromCode } from '../../../js/errors/omen-error.js'
import { encodeRowBatch } from '../../../js/wasm/row-batch.js'
import { newEngine } from '../wasm/open-core.js'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'
import { contentsOf, fingerprint, SCENARIO } from './scenario.js'
import { type Fault, SimulatedDisk, withSession } from './simulated-disk.js'

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const streamOf = (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes]).stream()

async function scenarioBackup(): Promise<Uint8Array<ArrayBuffer>> {
  const { db } = await openInPlace(new SimulatedDisk())
  for (const step of SCENARIO) await step.run(db)
  const backup = await bytesOf(await db.backup())
  await db.close()
  return backup
}

async function otherContents(disk: SimulatedDisk): Promise<Database> {
  const { db } = await openInPlace(disk)
  const notes = await db.collection('notes', OPTIONS)
  await notes.upsert([{ id: 'old', vector: vectorOf(7), metadata: { seed: 7 } }])
  await db.flush()
  await notes.upsert([{ id: 'newer', vector: vectorOf(8), metadata: { seed: 8 } }])
  return db
}

async function foundIn(disk: SimulatedDisk): Promise<string> {
  const { db } = await openInPlace(disk.restarted())
  const found = fingerprint(await contentsOf(db))
  await db.close()
  return found
}

describe('a restore', () => {
  it('leaves one checkpoint in storage, and nothing of what was before', async () => {
    const backup = await scenarioBackup()
    const disk = new SimulatedDisk()
    const db = await otherContents(disk)
    const before = new Set(disk.objects.keys())
    await db.restore(streamOf(backup))
    const kept = [...disk.objects.keys()].filter((name) => before.has(name))
    expect(kept).toEqual([])
    const restored = fingerprint(await contentsOf(db))
    await db.close()
    expect(await foundIn(disk)).toBe(restored)
  })

  const FAULTS: readonly Fault[] = [
    { done: 'none', answer: 'STORAGE_FAILED' },
    { done: 'all', answer: 'STORAGE_FAILED' },
    { done: 'none', answer: 'QUOTA_EXCEEDED' },
    { done: 'none', answer: 'power loss' },
    { done: 'all', answer: 'power loss' },
  ]
  it.each(FAULTS)(
    'with $answer ($done done) at any operation is done or not done, never half',
    async (fault) => {
      const backup = await scenarioBackup()
      const clean = new SimulatedDisk()
      const cleanDb = await otherContents(clean)
      const from = clean.log.length
      const before = fingerprint(await contentsOf(cleanDb))
      await cleanDb.restore(streamOf(backup))
      const after = fingerprint(await contentsOf(cleanDb))
      const to = clean.log.length
      await cleanDb.close()
      expect(to - from).toBeGreaterThan(4)
      for (let failed = from; failed < to; failed += 1) {
        const disk = new SimulatedDisk()
        const db = await otherContents(disk)
        disk.plan = ({ index }) => (index === failed ? fault : null)
        const code = await Promise.race([rejection(db.restore(streamOf(backup))), disk.powerLoss])
        if (code === 'power loss') {
          expect([before, after], `operation ${failed}`).toContain(await foundIn(disk))
          continue
        }
        const now = fingerprint(await contentsOf(db))
        expect(now, `operation ${failed}`).toBe(code === 'no error' ? after : before)
        // It goes on, or says why not.
        const notes = await db.collection('notes')
        const write = await rejection(
          notes.upsert([{ id: 'last', vector: vectorOf(9), metadata: { seed: 9 } }]),
        )
        expect(['no error', 'READ_ONLY']).toContain(write)
        if (fault.answer === 'QUOTA_EXCEEDED') expect(write).toBe('no error')
        const last = write === 'no error' ? fingerprint(await contentsOf(db)) : null
        await db.close()
        const found = await foundIn(disk)
        if (last === null) expect([before, after]).toContain(found)
        else expect(found).toBe(last)
      }
    },
  )

  it('whose head arrives late is done then, because the handle stopped writing', async () => {
    const backup = await scenarioBackup()
    const disk = new SimulatedDisk()
    let late: Uint8Array | null = null
    const lossy = withSession(disk, (session) => ({
      ...session,
      compareAndSetHead: async (expected, next) => {
        if (!isRestoring) return session.compareAndSetHead(expected, next)
        late = next.slice()
        throw errorFromCode('STORAGE_FAILED', 'no answer')
      },
    }))
    let isRestoring = false
    const db = await otherContents(lossy)
    isRestoring = true
    expect(await rejection(db.restore(streamOf(backup)))).toBe('STORAGE_FAILED')
    const notes = await db.collection('notes')
    expect(await rejection(notes.upsert([{ id: 'lost', vector: vectorOf(1) }]))).toBe('READ_ONLY')
    await db.close().catch(() => undefined)
    disk.head = late
    const expected = await openInPlace(new SimulatedDisk())
    await expected.db.restore(streamOf(backup))
    expect(await foundIn(disk)).toBe(fingerprint(await contentsOf(expected.db)))
    await expected.db.close()
  })
})

describe('a backup', () => {
  it('keeps what it needs until its stream ends or is cancelled', async () => {
    for (const end of ['read', 'cancel'] as const) {
      const disk = new SimulatedDisk()
      const db = await otherContents(disk)
      const stream = await db.backup()
      const needed = [...disk.objects.keys()]
      await db.drop('notes')
      await (await db.collection('other', OPTIONS)).upsert([{ id: 1, vector: vectorOf(1) }])
      await db.flush()
      expect([...disk.objects.keys()]).toEqual(expect.arrayContaining(needed))
      if (end === 'read') await bytesOf(stream)
      else await stream.cancel()
      await db.flush()
      const left = [...disk.objects.keys()].filter((name) => needed.includes(name))
      expect(left).toEqual([])
      await db.close()
    }
  })

  it('rejects when an object cannot be read', async () => {
    const disk = new SimulatedDisk()
    const db = await otherContents(disk)
    const stream = await db.backup()
    disk.readError = 'STORAGE_FAILED'
    expect(await rejection(bytesOf(stream))).toBe('STORAGE_FAILED')
    disk.readError = null
    await db.close()
  })
})

describe('writes that outrun checkpoints', () => {
  async function queueOver(disk: SimulatedDisk, walBytesWait: number) {
    const engine = await newEngine()
    const session = await disk.open()
    const head = engine.encodeHead()
    await session.compareAndSetHead(null, head)
    const store = new Store({
      database: 'simulated',
      adapter: disk,
      session,
      head,
      readOnlyReason: null,
      ephemeral: false,
      durability: 'strict',
    })
    const vectors = new VectorReader(engine, store)
    const checkpointer = new Checkpointer(engine, store, vectors, walBytesWait)
    const handles = new Handles(engine)
    let walBytesMax = 0
    const queue = new CommitQueue(engine, store, handles, {
      frameBytesTarget: 4096,
      roomForFrame: async () => checkpointer.roomForFrame() ?? undefined,
      vectors,
      hasRoomForFrame: () => checkpointer.hasRoomForFrame,
      now: () => 1,
      onApplied: () => (walBytesMax = Math.max(walBytesMax, engine.uncheckpointedWalBytes())),
    })
    const options = {
      dimensions: 4,
      metric: 'l2',
      quantization: 'sq8',
      degree: 16,
      efConstruction: 200,
    } as const
    await queue.submit({ kind: 'create', name: 'notes', options })
    const collection = handles.ofCollection(engine.findCollection('notes'))
    const write = (i: number) => {
      const vectors = new Float32Array(400).fill(i)
      const ids = Array.from({ length: 100 }, (_, j) => 100 * i + j)
      const { batch } = encodeRowBatch({ dimensions: 4, ids, vectors }, 0, Number.MAX_SAFE_INTEGER)
      return queue.submit({ kind: 'upsert', collection, batch })
    }
    return { engine, queue, checkpointer, write, walBytesMax: () => walBytesMax }
  }

  it('wait for one, so that the WAL stays short', async () => {
    const disk = new SimulatedDisk()
    const { write, walBytesMax } = await queueOver(disk, 20_000)
    await Promise.all(Array.from({ length: 50 }, (_, i) => write(i)))
    expect(walBytesMax()).toBeGreaterThan(20_000)
    expect(walBytesMax()).toBeLessThan(40_000)
    expect(disk.log.filter(({ kind }) => kind === 'compareAndSetHead').length).toBeGreaterThan(3)
  })

  it('hear what it fails with instead of waiting for ever, and go on when there is room again', async () => {
    const disk = new SimulatedDisk()
    const { write, engine } = await queueOver(disk, 20_000)
    disk.plan = ({ index }) =>
      disk.log[index]?.names[0]?.startsWith('d') === true ? { done: 'none', answer: 'QUOTA_EXCEEDED' } : null
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => rejection(write(i))))
    expect(new Set(outcomes)).toEqual(new Set(['no error', 'QUOTA_EXCEEDED']))
    expect(await rejection(write(60))).toBe('QUOTA_EXCEEDED')
    disk.plan = () => null
    expect(await rejection(write(70))).toBe('no error')
    expect(engine.uncheckpointedWalBytes()).toBeLessThan(20_000)
  })
})
