/**
 * A page that writes to several databases through the built package until its browser is killed, and one that looks at
 * what survived.
 */
import type { open as openType, OpenOptions } from 'omendb'
import { checkSearches, readRows } from '../js/engine/kill-reads.js'
import type { Said } from '../js/engine/kill-script.js'
import { type WriterOptions, writeUntilKilled } from '../js/engine/kill-writers.js'
import { randomOf } from '../storage/seeded-random.js'

/** What the page tells the server: what the writers of one database said. */
export interface Heard {
  readonly database: string
  readonly said: Said
}

/** What is in a database, as it travels: the rows with the number of the write that each holds. */
export interface Found {
  readonly storage: string
  readonly engine: string
  readonly collections: string[]
  readonly rows: [string, number][]
}

async function openDatabase(name: string, options: OpenOptions): ReturnType<typeof openType> {
  // The files of dist/ as they are; bundling them is another test's subject.
  const address = './dist/browser.js'
  const omendb = (await import(address)) as { open: typeof openType }
  return omendb.open(name, options)
}

/** A word counts when the server has it: what never left the page was not acknowledged to anyone. */
async function say(database: string, said: Said): Promise<void> {
  await fetch('/said', { method: 'POST', body: JSON.stringify({ database, said } satisfies Heard) })
}

const ingestionPage = {
  /** Returns at once; the writers end with the browser. */
  write(name: string, options: OpenOptions, writers: WriterOptions): void {
    openDatabase(name, options)
      .then((db) => writeUntilKilled(db, writers, (said) => say(name, said)))
      .catch((error: unknown) => say(name, { is: 'failed', message: String(error) }))
      // The test looks at the page's errors.
      .catch((error: unknown) => console.error(String(error)))
  },

  /** Throws when what is there is not whole, or is not found. */
  async check(name: string, options: OpenOptions, seed: number): Promise<Found> {
    const db = await openDatabase(name, options)
    const { storage, engine } = await db.stats()
    const rows = await readRows(db)
    await checkSearches(db, rows, randomOf(seed))
    const found = { storage, engine, collections: await db.collections(), rows: [...rows] }
    await db.close()
    return found
  },
}

Object.assign(globalThis, { ingestionPage })
