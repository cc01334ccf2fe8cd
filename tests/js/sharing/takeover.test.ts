/** What becomes of each kind of call when the leader ends, at every instant at which it can end. */
import { describe, expect, test } from 'vitest'
import type { Durability } from '../../../js/engine/protocol.js'
import { SimulatedDisk } from '../engine/simulated-disk.js'
import { rejection } from '../engine/open-in-place.js'
import { openTab, type SharedTab } from './shared-tab.js'
import { SimulatedBrowser } from './simulated-browser.js'

const SOON_MS = 30_000
type Ending = 'kill' | 'freeze' | 'close'

class World {
  readonly disk = new SimulatedDisk()
  readonly browser: SimulatedBrowser
  tabs: SharedTab[] = []

  constructor() {
    // One delay for all: what matters here is the order.
    this.browser = new SimulatedBrowser({ random: () => 0.5, loss: 0, duplication: 0 })
  }

  /** The first leads. */
  async open(count: number): Promise<SharedTab[]> {
    for (let i = 0; i < count; i += 1) this.tabs.push(await this.settled(openTab(this.browser, this.disk)))
    return this.tabs
  }

  async settled<T>(promise: Promise<T>, withinMs = SOON_MS): Promise<T> {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    promise.then(settle, settle)
    await this.browser.run(withinMs, () => isSettled)
    if (!isSettled) throw new Error(`not settled within ${withinMs} ms`)
    return promise
  }

  /** Lets so many things happen, less when nothing is left to wait for. */
  async happen(events: number, isDone: () => boolean): Promise<boolean> {
    let left = events
    await this.browser.run(SOON_MS, () => isDone() || left-- === 0)
    return left < 0
  }

  end({ tab, db }: SharedTab, ending: Ending): void {
    if (ending === 'kill') tab.kill()
    else if (ending === 'freeze') tab.freeze()
    else void db.close()
  }

  async contents(): Promise<{ ids: unknown[]; deletedRows: number }> {
    const reader = await this.settled(openTab(this.browser, this.disk))
    const ids: unknown[] = []
    const reading = async (): Promise<number> => {
      for await (const row of reader.notes.list()) ids.push(row.id)
      return (await reader.notes.stats()).deletedRows
    }
    return { ids, deletedRows: await this.settled(reading()) }
  }
}

function write({ notes }: SharedTab, n: number): Promise<void> {
  return notes.upsert([{ id: n, vector: [n, -n], metadata: { n } }])
}

/** Runs `scenario` with the leader ending after 0, 1, 2, ... events, until it ended too late to matter. */
async function atEveryInstant(scenario: (events: number) => Promise<boolean>): Promise<number> {
  for (let events = 0; ; events += 1) if (!(await scenario(events))) return events
}

describe('tabs', () => {
  test('have one engine, and see what any of them wrote', async () => {
    const world = new World()
    const [leader, second, third] = (await world.open(3)) as [SharedTab, SharedTab, SharedTab]
    expect(world.tabs.map(({ terms }) => terms())).toEqual([1, 0, 0])
    const roles = world.tabs.map(async ({ db }) => (await db.stats()).role)
    expect(await world.settled(Promise.all(roles))).toEqual(['leader', 'follower', 'follower'])
    for (const [n, tab] of world.tabs.entries()) await world.settled(write(tab, n))
    for (const { notes } of [leader, second, third]) expect(await world.settled(notes.count())).toBe(3)
    expect(await world.settled(third.notes.delete([0, 1, 7]))).toBe(2)
    expect(await world.settled(leader.notes.get([0, 2]))).toMatchObject([null, { id: 2 }])
  })

  test('find the leader whose announcement they missed, without deposing it', async () => {
    const world = new World()
    const [first, second, third] = (await world.open(3)) as [SharedTab, SharedTab, SharedTab]
    world.browser.loss = 1
    first.tab.kill()
    await world.browser.run(5_000)
    world.browser.loss = 0
    await world.settled(write(third, 1), 450)
    expect([second.terms(), third.terms()]).toEqual([1, 0])
  })

  test('take over from a leader that is silent, and only then', async () => {
    const world = new World()
    const [first, second] = (await world.open(2)) as [SharedTab, SharedTab]
    await world.browser.run(10_000)
    expect(second.terms()).toBe(0)
    first.tab.freeze()
    // Nobody asked, nobody noticed.
    await world.browser.run(10_000)
    expect(second.terms()).toBe(0)
    await world.settled(write(second, 1), 900)
    expect(second.terms()).toBe(1)
    first.tab.thaw()
    await world.settled(write(first, 2), 500)
    expect(await world.settled(first.db.stats())).toMatchObject({ role: 'follower' })
    expect([first.terms(), second.terms()]).toEqual([1, 1])
  })
})

describe.each<Ending>(['kill', 'freeze', 'close'])('a leader that ends (%s)', (ending) => {
  test('leaves writes of others done once', async () => {
    const instants = await atEveryInstant(async (events) => {
      const world = new World()
      const [leader, second, third] = (await world.open(3)) as [SharedTab, SharedTab, SharedTab]
      await world.settled(write(second, 1))
      let done = 0
      const calls = [write(second, 2), second.notes.delete([1]), write(third, 3), third.db.drop('other')]
      const drop = rejection(calls[3] as Promise<void>)
      for (const call of calls) void call.then(...both(() => (done += 1)))
      const isEarly = await world.happen(events, () => done === calls.length)
      world.end(leader, ending)
      expect(await world.settled(Promise.all(calls.slice(0, 3)))).toEqual([undefined, 1, undefined])
      expect(await world.settled(drop)).toBe('NOT_FOUND')
      leader.tab.thaw()
      const { ids, deletedRows } = await world.contents()
      expect(new Set(ids)).toEqual(new Set([2, 3]))
      expect(deletedRows).toBeLessThanOrEqual(1)
      return isEarly
    })
    expect(instants).toBeGreaterThan(5)
  })

  test('leaves its own writes done once, or not at all', async () => {
    await atEveryInstant(async (events) => {
      const world = new World()
      const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
      let outcome: string | null = null
      const writing = rejection(write(leader, 1)).then((code) => (outcome = code))
      const isEarly = await world.happen(events, () => outcome !== null)
      world.end(leader, ending)
      const takingOver = write(second, 2)
      await world.settled(takingOver)
      leader.tab.thaw()
      // A killed tab hears nothing more.
      if (ending !== 'kill') await world.settled(writing)
      const { ids, deletedRows } = await world.contents()
      if (outcome !== null) expect(outcome).toBe('no error')
      if (outcome !== null || ending !== 'kill') expect(ids).toContain(1)
      expect(deletedRows).toBe(0)
      return isEarly
    })
  })

  test('commits a transaction of another tab, or nothing of it', async () => {
    const outcomes = new Set<string>()
    await atEveryInstant(async (events) => {
      const world = new World()
      const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
      let outcome: string | null = null
      const transaction = second.db.transaction(async (inside) => {
        const notes = await inside.collection<{ n: number }>('notes')
        for (const n of [1, 2]) await notes.upsert([{ id: n, vector: [n, n], metadata: { n } }])
      })
      const ended = rejection(transaction).then((code) => (outcome = code))
      const isEarly = await world.happen(events, () => outcome !== null)
      world.end(leader, ending)
      const code = await world.settled(ended)
      outcomes.add(code)
      leader.tab.thaw()
      expect(['no error', 'CLOSED']).toContain(code)
      expect((await world.contents()).ids).toEqual(code === 'CLOSED' ? [] : [1, 2])
      return isEarly
    })
    expect(outcomes).toContain('no error')
  })

  test('ends the snapshots of others', async () => {
    const world = new World()
    const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
    await world.settled(write(second, 1))
    const snapshot = await world.settled(second.db.snapshot())
    const before = await world.settled(snapshot.collection('notes'))
    await world.settled(write(second, 2))
    expect(await world.settled(before.count())).toBe(1)
    world.end(leader, ending)
    expect(await world.settled(second.notes.count())).toBe(2)
    // The next leader has a snapshot of this number; it is another.
    const next = await world.settled(second.db.snapshot())
    expect(await world.settled(rejection(before.count()))).toBe('CLOSED')
    await world.settled(snapshot.close())
    const after = await world.settled(next.collection('notes'))
    expect(await world.settled(after.count())).toBe(2)
  })

  test('lets an upload of several parts go on', async () => {
    const world = new World()
    const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
    const rows = 6_000
    const ids = Array.from({ length: rows }, (_, n) => n)
    const metadata = ids.map((n) => ({ n, text: 'x'.repeat(400) }))
    const progress: number[] = []
    const onProgress = ({ done }: { done: number }): void => {
      progress.push(done)
      if (progress.length === 1) world.end(leader, ending)
    }
    const vectors = new Float32Array(rows * 2)
    await world.settled(second.notes.upsert({ ids, vectors, metadata }, { onProgress }))
    expect(progress.length).toBeGreaterThan(2)
    leader.tab.thaw()
    const { ids: found, deletedRows } = await world.contents()
    expect(found).toEqual(ids)
    expect(deletedRows).toBe(0)
  })

  test('leaves a write that is aborted meanwhile done or not, as it says', async () => {
    const outcomes = new Set<string>()
    await atEveryInstant(async (events) => {
      const world = new World()
      const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
      const aborting = new AbortController()
      let outcome: string | null = null
      const { signal } = aborting
      const writing = rejection(second.notes.upsert([{ id: 1, vector: [1, 1] }], { signal }))
      void writing.then((code) => (outcome = code))
      const isEarly = await world.happen(events, () => outcome !== null)
      world.end(leader, ending)
      aborting.abort()
      const code = await world.settled(writing)
      outcomes.add(code)
      leader.tab.thaw()
      expect((await world.contents()).ids).toEqual(code === 'no error' ? [1] : [])
      return isEarly
    })
    expect([...outcomes].sort()).toEqual(['ABORTED', 'no error'])
  })
})

describe('a leader whose storage fails', () => {
  test.each(['none', 'all'] as const)(
    'reads it again, and goes on (%s of the write was done)',
    async (done) => {
      const world = new World()
      const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
      await world.settled(write(leader, 1))
      let hasFailed = false
      world.disk.plan = ({ kind }) => {
        if (kind !== 'put' || hasFailed) return null
        hasFailed = true
        return { done, answer: 'STORAGE_FAILED' }
      }
      expect(await world.settled(rejection(write(second, 2)))).toBe('STORAGE_FAILED')
      await world.settled(write(leader, 3))
      await world.settled(write(second, 4))
      expect(new Set((await world.contents()).ids)).toEqual(
        new Set(done === 'all' ? [1, 2, 3, 4] : [1, 3, 4]),
      )
    },
  )
})

describe('tabs that ask for different durability', () => {
  const open = async (world: World, durability: Durability): Promise<SharedTab> =>
    world.settled(openTab(world.browser, world.disk, world.browser.newTab(), durability))

  test('have that of the leader, and hear of it', async () => {
    const world = new World()
    const relaxed = await open(world, 'relaxed')
    const strict = await open(world, 'strict')
    for (const { db } of [relaxed, strict])
      expect(await world.settled(db.stats())).toMatchObject({ durability: 'relaxed' })
    await world.settled(write(strict, 1))
    expect(world.disk.unsynced.size).toBeGreaterThan(0)
    // What `flush` promises holds for whoever asks.
    await world.settled(strict.db.flush())
    expect(world.disk.unsynced.size).toBe(0)
  })

  test('lose nothing when the leader ends', async () => {
    for (const ending of ['kill', 'freeze', 'close'] as const) {
      const world = new World()
      const relaxed = await open(world, 'relaxed')
      const strict = await open(world, 'strict')
      await world.settled(write(strict, 1))
      await world.settled(write(relaxed, 2))
      world.end(relaxed, ending)
      await world.settled(write(strict, 3))
      expect(await world.settled(strict.db.stats())).toMatchObject({ durability: 'strict', role: 'leader' })
      expect(new Set((await world.contents()).ids)).toEqual(new Set([1, 2, 3]))
    }
  })
})

describe('a tab that ends', () => {
  test('lets go of the snapshots it had in the leader', async () => {
    const world = new World()
    const [leader, second] = (await world.open(2)) as [SharedTab, SharedTab]
    await world.settled(second.db.snapshot())
    await world.settled(second.db.snapshot())
    expect(leader.openViews()).toBe(2)
    second.tab.kill()
    await world.browser.run(100)
    expect(leader.openViews()).toBe(0)
  })
})

/** The same for both outcomes. */
function both(callback: () => void): [() => void, () => void] {
  return [callback, callback]
}
