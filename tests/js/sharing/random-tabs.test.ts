/**
 * Tabs that come, write, read, freeze, thaw, close and die at random, over channels that lose and repeat messages. Whatever
 * happens: what was acknowledged is there, once, every read sees it, and every call of a tab that runs ends well.
 */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../storage/seeded-random.js'
import { SimulatedDisk } from '../engine/simulated-disk.js'
import { openTab, type SharedTab } from './shared-tab.js'
import { SimulatedBrowser } from './simulated-browser.js'

const RUNS = Number(process.env['OMENDB_TABS_RUNS'] ?? 12)
const STEPS = 60
const TABS_MAX = 4
/** More than any takeover should take, chains of them and hasty steals included. */
const PATIENCE_MS = 60_000

class Scenario {
  readonly browser: SimulatedBrowser
  readonly disk = new SimulatedDisk()
  readonly random: () => number
  readonly problems: string[] = []
  tabs: SharedTab[] = []
  /** Calls of tabs that are neither dead nor closed. */
  readonly pending = new Map<Promise<void>, { tab: SharedTab; what: string }>()
  readonly written = new Set<number>()
  readonly deleted = new Set<number>()
  /** Begun and not acknowledged: nobody knows. */
  readonly writing = new Set<number>()
  readonly deleting = new Set<number>()
  opening = 0
  #next = 1

  constructor(random: () => number, loss: number, duplication: number) {
    this.random = random
    this.browser = new SimulatedBrowser({ random, loss, duplication })
  }

  async step(): Promise<void> {
    const dice = this.random()
    const tab = this.tabs[Math.floor(this.random() * this.tabs.length)]
    const running = this.tabs.filter((each) => !each.tab.isFrozen)
    if (tab === undefined || (dice < 0.08 && this.tabs.length + this.opening < TABS_MAX)) this.open()
    else if (dice < 0.45) this.write(tab)
    else if (dice < 0.55) this.remove(tab)
    else if (dice < 0.75) this.read(tab)
    else if (dice < 0.8) this.end(tab, 'kill')
    else if (dice < 0.85) this.end(tab, 'close')
    else if (dice < 0.92 && running.length > 1) tab.tab.freeze()
    else tab.tab.thaw()
    await this.browser.run(this.random() < 0.3 ? this.random() * 1500 : this.random() * 20)
  }

  open(): void {
    this.opening += 1
    void openTab(this.browser, this.disk).then(
      (tab) => {
        this.opening -= 1
        this.tabs.push(tab)
      },
      (error: unknown) => this.problems.push(`open: ${String(error)}`),
    )
  }

  write(tab: SharedTab): void {
    const n = this.#next
    this.#next += 1
    this.writing.add(n)
    this.#track(tab, `write ${n}`, async () => {
      await tab.notes.upsert([{ id: n, vector: [n, -n], metadata: { n } }])
      this.writing.delete(n)
      this.written.add(n)
    })
  }

  remove(tab: SharedTab): void {
    const n = [...this.written].find((each) => !this.deleted.has(each) && !this.deleting.has(each))
    if (n === undefined) return
    this.deleting.add(n)
    this.#track(tab, `delete ${n}`, async () => {
      const removed = await tab.notes.delete([n])
      if (removed !== 1) this.problems.push(`delete ${n} removed ${removed} rows: it was carried out twice`)
      this.deleting.delete(n)
      this.deleted.add(n)
    })
  }

  /** What was acknowledged before the read began is seen, whoever wrote it. */
  read(tab: SharedTab): void {
    this.#track(tab, 'read', async () => {
      const ids = [...this.written].slice(-5)
      const deleted = ids.filter((n) => this.deleted.has(n))
      const rows = await tab.notes.get(ids)
      for (const [i, row] of rows.entries()) {
        const n = ids[i] as number
        if (row !== null && deleted.includes(n)) this.problems.push(`row ${n} came back after its deletion`)
        if (row === null && !this.deleted.has(n) && !this.deleting.has(n))
          this.problems.push(`row ${n} was acknowledged and not seen`)
      }
    })
  }

  end(tab: SharedTab, how: 'kill' | 'close'): void {
    this.tabs = this.tabs.filter((each) => each !== tab)
    if (how === 'kill') {
      tab.tab.kill()
      for (const [call, { tab: whose }] of this.pending) if (whose === tab) this.pending.delete(call)
    } else {
      // Closing waits for what the tab began, so a frozen tab closes once it is thawed.
      tab.tab.thaw()
      this.#track(tab, 'close', () => tab.db.close())
    }
  }

  /** Everybody runs again, and everything ends. */
  async finish(): Promise<void> {
    for (const each of this.tabs) each.tab.thaw()
    await this.browser.run(PATIENCE_MS, () => this.pending.size === 0 && this.opening === 0)
    for (const { what } of this.pending.values()) this.problems.push(`${what} never ended`)
    if (this.opening > 0) this.problems.push('an opening never ended')
  }

  async checkContents(): Promise<void> {
    let last: SharedTab | null = null
    void openTab(this.browser, this.disk).then((tab) => (last = tab))
    await this.browser.run(PATIENCE_MS, () => last !== null)
    const { notes } = last as unknown as SharedTab
    const found = new Set<number>()
    let deletedRows = -1
    const reading = (async () => {
      for await (const row of notes.list({ include: ['metadata'] })) found.add(row.id as number)
      deletedRows = (await notes.stats()).deletedRows
    })()
    await this.browser.run(PATIENCE_MS, () => deletedRows >= 0)
    await reading
    for (const n of this.written) {
      if (!found.has(n) && !this.deleted.has(n) && !this.deleting.has(n))
        this.problems.push(`row ${n} was acknowledged and is lost`)
    }
    for (const n of found) {
      if (!this.written.has(n) && !this.writing.has(n)) this.problems.push(`row ${n} was never written`)
      if (this.deleted.has(n)) this.problems.push(`row ${n} was deleted and is there`)
    }
    // No id is written twice, so only deletions leave rows behind, those of unknown outcome perhaps.
    const most = this.deleted.size + this.deleting.size
    if (deletedRows > most) this.problems.push(`${deletedRows} rows were replaced or deleted, not ${most}`)
  }

  #track(tab: SharedTab, what: string, work: () => Promise<void>): void {
    // The application of a frozen tab does nothing either.
    const begun = new Promise<void>((resolve) => tab.tab.do(resolve))
    const call = begun.then(work).catch((error: unknown) => {
      this.problems.push(`${what}: ${String(error)}`)
    })
    this.pending.set(call, { tab, what })
    void call.then(() => this.pending.delete(call))
  }
}

describe('tabs at random', () => {
  const networks = [
    { name: 'every message arrives once', loss: 0, duplication: 0 },
    { name: 'messages are lost and repeated', loss: 0.05, duplication: 0.05 },
  ]
  test.each(networks)('lose nothing and do nothing twice ($name)', async ({ loss, duplication }) => {
    for (let run = 0; run < RUNS; run += 1) {
      const { random, seed } = seededRandom(run)
      const scenario = new Scenario(random, loss, duplication)
      for (let step = 0; step < STEPS; step += 1) await scenario.step()
      await scenario.finish()
      await scenario.checkContents()
      expect(scenario.problems, `seed ${seed}`).toEqual([])
    }
  })
})
