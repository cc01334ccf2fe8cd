import { describe, expect, it } from 'vitest'
import { type OmenError, StorageFailedError } from '../../../js/errors/omen-error.js'
import { openInPlace, OPTIONS, rejection, vectorOf } from './open-in-place.js'
import { applied, contentsOf, fingerprint, SCENARIO, type Step } from './scenario.js'
import { type Fault, SimulatedDisk, withSession, type WriteKind } from './simulated-disk.js'

interface Life {
  readonly outcomes: readonly { step: Step; code: string }[]
  readonly openCode: string
}

/** Runs the whole scenario against a disk with one fault; every step is tried, whatever became of those before. */
async function live(disk: SimulatedDisk): Promise<Life> {
  const opened = await openInPlace(disk).catch((error: unknown) => (error as OmenError).code)
  if (typeof opened === 'string') return { outcomes: [], openCode: opened }
  const outcomes: { step: Step; code: string }[] = []
  for (const step of SCENARIO) outcomes.push({ step, code: await rejection(step.run(opened.db)) })
  expect(await rejection(opened.db.close())).toBe('no error')
  return { outcomes, openCode: 'no error' }
}

/** Every state that the outcomes allow: what was acknowledged, with and without each step of unknown outcome. */
function allowed(outcomes: Life['outcomes'], isUnknown: (code: string) => boolean): string[] {
  let states: Step[][] = [[]]
  for (const { step, code } of outcomes) {
    if (code === 'no error') for (const state of states) state.push(step)
    else if (isUnknown(code)) states = states.flatMap((state) => [state, [...state, step]])
  }
  return states.map((state) => fingerprint(applied(state)))
}

async function operations(): Promise<readonly WriteKind[]> {
  const disk = new SimulatedDisk()
  const { outcomes } = await live(disk)
  expect(outcomes.map(({ code }) => code)).toEqual(SCENARIO.map(() => 'no error'))
  return disk.log.map(({ kind }) => kind)
}

const FAULTS: readonly Fault[] = [
  { done: 'none', answer: 'STORAGE_FAILED' },
  { done: 'all', answer: 'STORAGE_FAILED' },
  { done: 'none', answer: 'QUOTA_EXCEEDED' },
  { done: 'all', answer: 'QUOTA_EXCEEDED' },
]

describe('one failure at every storage operation', () => {
  it.each(FAULTS)('$answer with $done done: the next open finds what was acknowledged', async (fault) => {
    const kinds = await operations()
    for (let failed = 0; failed < kinds.length; failed += 1) {
      const disk = new SimulatedDisk()
      disk.plan = ({ index }) => (index === failed ? fault : null)
      const { outcomes, openCode } = await live(disk)
      expect(['no error', fault.answer]).toContain(openCode)
      expect(disk.openSessions, 'no session is left open').toBe(0)

      const { db } = await openInPlace(disk.restarted())
      const found = fingerprint(await contentsOf(db))
      // A write that found no room was certainly not done; one that failed otherwise may have been.
      const isUnknown = (code: string): boolean => code === 'STORAGE_FAILED'
      expect(allowed(outcomes, isUnknown), `operation ${failed}, a ${kinds[failed]}`).toContain(found)
      await db.close()
    }
  })
})

describe('a write that storage refuses', () => {
  async function opened() {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert([{ id: 'before', vector: vectorOf(1) }])
    return { disk, db, collection }
  }
  const failPuts = (answer: Fault['answer'], done: Fault['done'] = 'none') => {
    return ({ kind }: { kind: WriteKind }): Fault | null => (kind === 'put' ? { done, answer } : null)
  }

  it('for want of room is as if it had not been tried, and the database goes on', async () => {
    const { disk, db, collection } = await opened()
    disk.plan = failPuts('QUOTA_EXCEEDED')
    expect(await rejection(collection.upsert([{ id: 'full', vector: vectorOf(2) }]))).toBe('QUOTA_EXCEEDED')
    expect(await rejection(collection.delete(['before']))).toBe('QUOTA_EXCEEDED')
    expect(await collection.count()).toBe(1)
    expect((await db.stats()).readOnly).toBe(false)
    disk.plan = () => null
    await collection.upsert([{ id: 'after', vector: vectorOf(3) }])
    expect((await collection.get(['before', 'full', 'after'])).map((row) => row?.id)).toEqual([
      'before',
      undefined,
      'after',
    ])
    await db.close()
  })

  it('with an unknown outcome makes the handle read-only and says why', async () => {
    const { disk, db, collection } = await opened()
    disk.plan = failPuts('STORAGE_FAILED', 'all')
    expect(await rejection(collection.upsert([{ id: 'unknown', vector: vectorOf(2) }]))).toBe(
      'STORAGE_FAILED',
    )
    disk.plan = () => null
    await expect(collection.upsert([{ id: 'later', vector: vectorOf(3) }])).rejects.toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('a planned STORAGE_FAILED') as string,
    })
    expect(await rejection(db.flush())).toBe('READ_ONLY')
    expect(await rejection(db.drop('notes'))).toBe('READ_ONLY')
    expect(await rejection(db.collection('new', OPTIONS))).toBe('READ_ONLY')
    const stats = await db.stats()
    expect([stats.readOnly, stats.readOnlyReason]).toEqual([true, expect.stringContaining('unknown outcome')])
    expect(stats.storageUsedBytes).toBeGreaterThan(0)
    expect(disk.openSessions, 'the lock is given up').toBe(0)
    // Reading goes on.
    expect((await collection.search({ vector: vectorOf(1), k: 5 })).map((hit) => hit.id)).toEqual(['before'])
    await db.close()
    const { db: again } = await openInPlace(disk.restarted())
    expect(await (await again.collection('notes')).count()).toBe(2)
    await again.close()
  })

  it('because another writer took over says so', async () => {
    const { disk, db, collection } = await opened()
    const { db: second } = await openInPlace(disk)
    await expect(collection.upsert([{ id: 'late', vector: vectorOf(2) }])).rejects.toMatchObject({
      code: 'LOCKED',
    })
    await expect(collection.upsert([{ id: 'later', vector: vectorOf(2) }])).rejects.toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('another writer') as string,
    })
    await (await second.collection('notes')).upsert([{ id: 'heir', vector: vectorOf(3) }])
    await second.close()
    await db.close()
    const { db: third } = await openInPlace(disk)
    const rows = await (await third.collection('notes')).get(['before', 'late', 'heir'])
    expect(rows.map((row) => row?.id)).toEqual(['before', undefined, 'heir'])
    await third.close()
  })

  it('is not acknowledged while storage is silent, and reads go on', async () => {
    const { disk, collection } = await opened()
    disk.plan = failPuts('hang', 'all')
    let settled = false
    collection.upsert([{ id: 'silent', vector: vectorOf(2) }]).then(
      () => (settled = true),
      () => (settled = true),
    )
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(settled).toBe(false)
    expect(await collection.count()).toBe(1)
    const aborted = new AbortController()
    const waiting = collection.upsert([{ id: 'x', vector: vectorOf(3) }], { signal: aborted.signal })
    aborted.abort('enough')
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
  })

  it('is refused with LIMIT_EXCEEDED when it is larger than one object can be', async () => {
    const disk = new SimulatedDisk()
    Object.assign(disk.capabilities, { largestObjectBytes: 4096 })
    const { db } = await openInPlace(disk)
    const collection = await db.collection('notes', OPTIONS)
    const metadata = 'x'.repeat(5000)
    expect(await rejection(collection.upsert([{ id: 1, vector: vectorOf(1), metadata }]))).toBe(
      'LIMIT_EXCEEDED',
    )
    expect((await db.stats()).readOnly).toBe(false)
    // Many small ones go in parts that fit.
    await collection.upsert(Array.from({ length: 500 }, (_, i) => ({ id: i, vector: vectorOf(i) })))
    expect(await collection.count()).toBe(500)
    await db.close()
  })
})

describe('a checkpoint that fails', () => {
  it.each(['STORAGE_FAILED', 'QUOTA_EXCEEDED'] as const)(
    'with %s leaves the database usable',
    async (answer) => {
      const disk = new SimulatedDisk()
      const { db } = await openInPlace(disk)
      const collection = await db.collection('notes', OPTIONS)
      await collection.upsert([{ id: 1, vector: vectorOf(1) }])
      disk.plan = () => ({ done: 'none', answer })
      expect(await rejection(db.flush())).toBe(answer)
      disk.plan = () => null
      await collection.upsert([{ id: 2, vector: vectorOf(2) }])
      await db.flush()
      await db.close()
      const { db: again } = await openInPlace(disk.restarted())
      expect(await (await again.collection('notes')).count()).toBe(2)
      await again.close()
    },
  )

  it('at the head, and whose head arrives late, leaves everything that this head names', async () => {
    const disk = new SimulatedDisk()
    let late: { expected: Uint8Array | null; next: Uint8Array } | null = null
    let isSlow = false
    const slow = withSession(disk, (session) => ({
      ...session,
      compareAndSetHead: async (expected, next) => {
        if (!isSlow) return session.compareAndSetHead(expected, next)
        late = { expected: expected?.slice() ?? null, next: next.slice() }
        throw new StorageFailedError('no answer in time')
      },
    }))
    const { db } = await openInPlace(slow)
    const collection = await db.collection('notes', OPTIONS)
    await collection.upsert([{ id: 1, vector: vectorOf(1) }])
    isSlow = true
    expect(await rejection(db.flush())).toBe('STORAGE_FAILED')
    await collection.upsert([{ id: 2, vector: vectorOf(2) }])
    expect(disk.head).toEqual(late!.expected)
    disk.head = late!.next
    // This writer has lost its head to itself, and must not go on as if it had not.
    expect(await rejection(collection.upsert([{ id: 3, vector: vectorOf(3) }]))).toBe('LOCKED')
    await db.close()
    const { db: again } = await openInPlace(disk.restarted())
    const rows = await (await again.collection('notes')).get([1, 2, 3])
    expect(rows.map((row) => row?.id)).toEqual([1, 2, undefined])
    await again.close()
  })

  it('at the head, done or not, is settled by reading the head', async () => {
    for (const done of ['none', 'all'] as const) {
      const disk = new SimulatedDisk()
      const { db } = await openInPlace(disk)
      const collection = await db.collection('notes', OPTIONS)
      await collection.upsert([{ id: 1, vector: vectorOf(1) }])
      disk.plan = ({ kind }) => (kind === 'compareAndSetHead' ? { done, answer: 'STORAGE_FAILED' } : null)
      expect(await rejection(db.flush())).toBe(done === 'all' ? 'no error' : 'STORAGE_FAILED')
      disk.plan = () => null
      expect(await rejection(collection.upsert([{ id: 2, vector: vectorOf(2) }]))).toBe('no error')
      await db.flush()
      await db.close()
      const { db: again } = await openInPlace(disk.restarted())
      expect(await (await again.collection('notes')).count()).toBe(2)
      await again.close()
    }
  })
})
