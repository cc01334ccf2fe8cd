/** A simulated tab with the API on top: what an application in it would have, on an engine from source. */
import { Connection } from '../../../js/api/connection.js'
import { Database } from '../../../js/api/database.js'
import type { Collection } from '../../../js/api/collection.js'
import { EngineHost } from '../../../js/engine/engine-host.js'
import type { Durability, HostPort, RequestInput, ViewInfo } from '../../../js/engine/protocol.js'
import { SharedHost } from '../../../js/sharing/shared-host.js'
import { type SimulatedDisk, withSession } from '../engine/simulated-disk.js'
import { loadCore } from '../wasm/open-core.js'
import type { SimulatedBrowser, SimulatedTab } from './simulated-browser.js'

export interface Note {
  readonly n: number
}

export interface SharedTab {
  readonly tab: SimulatedTab
  readonly db: Database
  readonly notes: Collection<Note>
  /** How often its engine read the storage. */
  readonly terms: () => number
  /** Snapshots and transactions that its engine holds open, for whatever tab. */
  readonly openViews: () => number
}

/** Opens the database in a new tab. The promise needs virtual time to pass. */
export async function openTab(
  browser: SimulatedBrowser,
  disk: SimulatedDisk,
  tab: SimulatedTab = browser.newTab(),
  durability: Durability = 'strict',
): Promise<SharedTab> {
  let terms = 0
  const views = new Set<number>()
  const adapter = gated(disk, tab)
  const openEngine = async (): Promise<HostPort> => {
    terms += 1
    const core = await browser.instantly(loadCore())
    const engine = await EngineHost.open({
      ...{ database: 'simulated', adapter, core, engine: 'worker' },
      ...{ readOnly: false, ephemeral: false, clockStandsStill: false },
      settings: { durability, retentionMs: 0, recreate: false, memoryBudgetBytes: 0 },
    })
    return watched(engine, views)
  }
  const { environment } = tab
  const host = await SharedHost.open({
    ...{ environment, database: 'simulated', storage: 'simulated', engine: 'worker', openEngine },
  })
  const db = new Database('simulated', new Connection('simulated', host, async () => undefined), undefined)
  const notes = await db.collection<Note>('notes', { dimensions: 2, metric: 'l2' })
  return { tab, db, notes, terms: () => terms, openViews: () => views.size }
}

/** The engine, with note taken of the views that it opens and closes. */
function watched(engine: EngineHost, views: Set<number>): HostPort {
  views.clear()
  return {
    engine: engine.engine,
    partBytesMax: engine.partBytesMax,
    async request(kind, input, options) {
      const output = await engine.request(kind, input, options)
      if (kind === 'openView') views.add((output as ViewInfo).view)
      if (kind === 'closeView') views.delete((input as RequestInput<'closeView'>).view)
      return output
    },
  }
}

/** The disk as this tab reaches it: slow, not at all while the tab is frozen, and no more when it is dead. */
function gated(disk: SimulatedDisk, tab: SimulatedTab): SimulatedDisk {
  return withSession(disk, (session) => ({
    readHead: () => tab.io(() => session.readHead()),
    compareAndSetHead: (expected, next) => tab.io(() => session.compareAndSetHead(expected, next)),
    put: (objects, head, options) => tab.io(() => session.put(objects, head, options)),
    sync: () => tab.io(() => session.sync()),
    get: (name, range) => tab.io(() => session.get(name, range)),
    list: (prefix) => tab.io(() => session.list(prefix)),
    delete: (names) => tab.io(() => session.delete(names)),
    usage: () => tab.io(() => session.usage()),
    close: () => session.close(),
  }))
}
