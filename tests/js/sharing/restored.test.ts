/** What tabs know of collections, when a backup takes the database's place and then another tab leads. */
import { describe, expect, test } from 'vitest'
import { rejection } from '../engine/open-in-place.js'
import { SimulatedDisk } from '../engine/simulated-disk.js'
import { openTab, type SharedTab } from './shared-tab.js'
import { SimulatedBrowser } from './simulated-browser.js'

const SOON_MS = 30_000
const OPTIONS = { dimensions: 2, metric: 'l2' } as const

class World {
  readonly disk = new SimulatedDisk()
  readonly browser = new SimulatedBrowser({ random: () => 0.5, loss: 0, duplication: 0 })

  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    promise.then(settle, settle)
    await this.browser.run(SOON_MS, () => isSettled)
    if (!isSettled) throw new Error('not settled')
    return promise
  }

  open(): Promise<SharedTab> {
    return this.settled(openTab(this.browser, this.disk))
  }

  /** As bytes, so that it can be restored later and elsewhere. */
  async backup({ db }: SharedTab): Promise<Uint8Array<ArrayBuffer>[]> {
    const chunks: Uint8Array<ArrayBuffer>[] = []
    const reading = async (): Promise<void> => {
      for await (const chunk of await db.backup()) chunks.push(chunk)
    }
    await this.settled(reading())
    return chunks
  }

  restore({ db }: SharedTab, chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })
    return this.settled(db.restore(stream))
  }
}

function row(n: number): { id: number; vector: number[]; metadata: { n: number } }[] {
  return [{ id: n, vector: [n, n], metadata: { n } }]
}

describe('after a restore and a takeover', () => {
  test('a collection that the backup numbers otherwise is never taken for another', async () => {
    const other = new World()
    const elsewhere = await other.open()
    await other.settled(elsewhere.db.drop('notes'))
    const theirPictures = await other.settled(elsewhere.db.collection('pictures', OPTIONS))
    await other.settled(theirPictures.upsert(row(1)))
    const theirNotes = await other.settled(elsewhere.db.collection('notes', OPTIONS))
    await other.settled(theirNotes.upsert([...row(1), ...row(2)]))
    const chunks = await other.backup(elsewhere)

    const world = new World()
    const leader = await world.open()
    const second = await world.open()
    const pictures = await world.settled(second.db.collection<{ n: number }>('pictures', OPTIONS))
    await world.settled(pictures.upsert([...row(1), ...row(2), ...row(3)]))
    await world.restore(leader, chunks)
    expect(await world.settled(second.notes.count())).toBe(2)
    expect(await world.settled(pictures.count())).toBe(1)
    const [notesAfter, picturesAfter] = await world.settled(
      Promise.all([second.db.collection('notes'), second.db.collection('pictures')]),
    )

    leader.tab.kill()
    // Of before the restore: the new leader cannot tell what took their place, and says so.
    expect(await world.settled(rejection(second.notes.upsert(row(7))))).toBe('NOT_FOUND')
    expect(await world.settled(rejection(pictures.count()))).toBe('NOT_FOUND')
    // Of after the restore: they are what they were.
    expect(await world.settled(notesAfter.count())).toBe(2)
    expect(await world.settled(picturesAfter.count())).toBe(1)
  })

  test('collections go on where the backup is one of this database', async () => {
    const world = new World()
    const leader = await world.open()
    const second = await world.open()
    await world.settled(second.notes.upsert(row(1)))
    const chunks = await world.backup(second)
    const late = await world.settled(second.db.collection('late', OPTIONS))
    await world.settled(second.notes.upsert(row(2)))
    await world.restore(second, chunks)
    // Takes the number that `late` had.
    const later = await world.settled(leader.db.collection('later', OPTIONS))
    await world.settled(later.upsert(row(5)))

    leader.tab.kill()
    expect(await world.settled(second.notes.count())).toBe(1)
    expect(await world.settled(rejection(late.count()))).toBe('NOT_FOUND')
    const found = await world.settled(second.db.collection('later'))
    expect(await world.settled(found.count())).toBe(1)
  })

  test('a dropped collection stays gone when another takes its name', async () => {
    const world = new World()
    const leader = await world.open()
    const second = await world.open()
    await world.settled(leader.db.drop('notes'))
    const anew = await world.settled(leader.db.collection('notes', OPTIONS))
    await world.settled(anew.upsert(row(1)))
    expect(await world.settled(rejection(second.notes.count()))).toBe('NOT_FOUND')
    leader.tab.kill()
    expect(await world.settled(rejection(second.notes.count()))).toBe('NOT_FOUND')
    const found = await world.settled(second.db.collection('notes'))
    expect(await world.settled(found.count())).toBe(1)
  })
})
