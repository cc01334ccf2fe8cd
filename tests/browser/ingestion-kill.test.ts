/** Real kills of real browsers whose page writes through the public API, one after another on the same profile. */
import type { OpenOptions } from 'omendb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COLLECTIONS, lastNumberOf, type Rows, type Said } from '../js/engine/kill-script.js'
import { expectSurvivors } from '../js/engine/kill-survivors.js'
import { seededRandom } from '../storage/seeded-random.js'
import {
  type BrowserName,
  type BrowserPage,
  createProfile,
  launchBrowser,
  removeProfile,
} from './browser-harness.js'
import { type DatabaseSite, serveDatabasePage } from './database-site.js'
import type { Found, Heard } from './ingestion-page.js'

/** Per browser; each ends the writers of one database in every storage. */
const KILLS = Number(process.env['OMENDB_KILLS'] ?? 5)
const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']
/** The first is what `open` takes when nothing is said. */
const STORAGES = ['indexeddb', 'idbfs', 'opfs'] as const

let site: DatabaseSite
beforeAll(async () => {
  site = await serveDatabasePage('ingestion-page.ts')
})
afterAll(() => site.remove())

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const callPage = <T>(page: BrowserPage, name: string, ...given: unknown[]): Promise<T> =>
  page.evaluate<T>(`ingestionPage.${name}(${given.map((one) => JSON.stringify(one)).join(', ')})`)

/** A database that outlives its browsers, and what must be in it. */
class KilledDatabase {
  rows: Rows = new Map()
  lastNumber = 0
  hasOpened = false

  readonly storage: (typeof STORAGES)[number]

  constructor(storage: (typeof STORAGES)[number]) {
    this.storage = storage
  }

  said(): Said[] {
    const heard = site.said as Heard[]
    return heard.filter(({ database }) => database === this.storage).map(({ said }) => said)
  }

  done(): number {
    return this.said().filter(({ is }) => is === 'done').length
  }

  options(more: OpenOptions): OpenOptions {
    return this.storage === STORAGES[0] ? more : { storage: this.storage, ...more }
  }

  async check(page: BrowserPage, random: () => number, about: string): Promise<void> {
    const said = this.said()
    this.hasOpened ||= said.some(({ is }) => is === 'open')
    // A reader leaves what it finds for the next writer to recover; a writer recovers and stores it.
    const options = this.options({ readOnly: this.hasOpened && random() < 0.5 })
    const found = await callPage<Found>(page, 'check', this.storage, options, Math.floor(random() * 1e9))
    expect(found, about).toMatchObject({ storage: this.storage, engine: 'worker' })
    const rows = new Map(found.rows)
    expectSurvivors(rows, this.rows, said, about)
    if (this.hasOpened) expect(found.collections, about).toEqual(expect.arrayContaining([...COLLECTIONS]))
    this.rows = rows
    this.lastNumber = lastNumberOf(said, this.lastNumber)
  }
}

/** Waits until `isReached`; throws when a writer ended by itself before. */
async function reached(page: BrowserPage, isReached: () => boolean): Promise<void> {
  while (!isReached()) {
    expect(page.errors).toEqual([])
    expect((site.said as Heard[]).find(({ said }) => said.is === 'failed')).toBeUndefined()
    await pause(2)
  }
}

test.each(BROWSERS)(
  `${KILLS} kills of %s lose nothing, leave nothing by halves and bring nothing back`,
  { timeout: 60_000 * (KILLS + 2) },
  async (browserName) => {
    const { random, seed } = seededRandom(0)
    const again = `OMENDB_SEED=${seed} OMENDB_KILLS=${KILLS} npm run test:browser -- tests/browser/ingestion-kill.test.ts`
    console.log(`the same writes again, killed where the clock will have it: ${again}`)
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!
    const databases = STORAGES.map((storage) => new KilledDatabase(storage))
    const profile = await createProfile()
    let browser = await launchBrowser(browserName, { profile })
    let page = await browser.openPage(`${site.server.origin}/`)
    let acknowledged = 0

    const startWriters = async (round: number): Promise<string> => {
      site.said.length = 0
      const chosen: string[] = []
      for (const database of databases) {
        const durability = pick(['strict', 'relaxed', 'manual'] as const)
        const worker = database.storage === 'opfs' || random() < 0.75
        const writers = { seed: seed + round, lastNumber: database.lastNumber }
        await callPage(page, 'write', database.storage, database.options({ durability, worker }), writers)
        chosen.push(`${database.storage} ${durability} ${worker ? 'in a worker' : 'in place'}`)
      }
      return chosen.join(', ')
    }

    for (let round = 0; round < KILLS; round += 1) {
      const chosen = await startWriters(round)
      // Each fifth browser is killed while its page opens and recovers.
      const isEarly = round % 5 === 4
      const heard = isEarly ? 0 : 1 + Math.floor(random() * 150)
      await reached(page, () => site.said.length >= heard)
      await pause(random() * (isEarly ? 400 : 60))
      await browser.kill()
      expect(page.errors).toEqual([])

      browser = await launchBrowser(browserName, { profile })
      page = await browser.openPage(`${site.server.origin}/`)
      for (const database of databases) {
        acknowledged += database.done()
        const about = `round ${round}, seed ${seed}, ${chosen}, ${database.done()} writes to ${database.storage} acknowledged`
        await database.check(page, random, about)
      }
      expect(page.errors).toEqual([])
    }
    // The last kill, too, leaves databases that can be written to.
    await startWriters(KILLS)
    await reached(page, () => databases.every((database) => database.done() > 0))
    await browser.close()
    await removeProfile(profile)
    console.log(`${KILLS} kills of ${browserName}, ${acknowledged} writes acknowledged`)
    expect(acknowledged).toBeGreaterThan(0)
  },
)
