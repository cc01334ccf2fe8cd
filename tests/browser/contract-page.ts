/** The contract suite as a page: `contract.run(adapter, case)` answers null, or what went wrong. */
import { deleteDB, openDB } from 'idb'
import { opfsFolderName } from '../../storage/opfs.js'
import type { ContractEnvironment } from '../storage/contract-environment.js'
import { CONTRACT_CASES } from '../storage/contract-suite.js'
import { HOSTILE_NAMES } from '../storage/hostile-names.js'
import { type AdapterName, createAdapter, indexedDbName, NO_LOCKS } from './page-adapters.js'
import { exposeCalls } from './page-calls.js'

const KEPT_WHILE_OPEN = { keepsWhatIsOpen: true } as const

function environmentOf(adapter: AdapterName): ContractEnvironment {
  const common = {
    createAdapter: () => createAdapter(adapter),
    databaseName: (label: string) => `${adapter} ${label}`,
    hostileNames: HOSTILE_NAMES,
  }
  if (adapter === 'opfs' || adapter === 'opfs-shared') {
    const isShared = adapter === 'opfs-shared'
    return {
      ...common,
      // One that is not shared cannot be had while another is open, whatever became of its lock.
      ...(isShared
        ? // Their files are those of the others.
          { createRival: async () => createAdapter(adapter, NO_LOCKS), hostileNames: ['shared'] }
        : KEPT_WHILE_OPEN),
      async exists(database) {
        const names: string[] = []
        for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name)
        return names.includes(await opfsFolderName(database))
      },
      async evict(database) {
        const folderName = await opfsFolderName(database)
        const root = await navigator.storage.getDirectory()
        // What shared writers have open they let go of.
        await untilAllowed(() => root.removeEntry(folderName, { recursive: true }))
      },
      damage: damagePack,
    }
  }
  return {
    ...common,
    createRival: async () => createAdapter(adapter, NO_LOCKS),
    async exists(database) {
      const found = await indexedDB.databases()
      return found.some(({ name }) => name === indexedDbName(adapter, database))
    },
    loseConnection: (database) => loseConnections(indexedDbName(adapter, database)),
    evict: (database) => deleteDB(indexedDbName(adapter, database)),
    damage: (database, object) => damage(adapter, database, object),
  }
}

async function untilAllowed(step: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      await step()
      return
    } catch (error) {
      if ((error as Error).name !== 'NoModificationAllowedError' || attempts === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Makes the browser ask every connection to go, for an upgrade that is then given up. */
async function loseConnections(name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.open(name, 1_000)
    request.onupgradeneeded = () => request.transaction?.abort()
    request.onerror = () => resolve()
    request.onsuccess = () => reject(new Error('the upgrade was not given up'))
    request.onblocked = () => reject(new Error('a connection stayed open'))
  })
}

async function damage(adapter: 'indexeddb' | 'idbfs', database: string, object: string): Promise<void> {
  const name = indexedDbName(adapter, database)
  const connection = await openDB(name)
  if (adapter === 'indexeddb') await connection.delete('chunks', [object, 3])
  else await connection.put('FILE_DATA', { timestamp: new Date(), mode: 33206 }, `${name}/o-${object}`)
  connection.close()
}

/** Changes one byte of the header of the first record, which everything that was stored stands behind. */
async function damagePack(database: string): Promise<void> {
  const root = await navigator.storage.getDirectory()
  const instances = await root.getDirectoryHandle(await opfsFolderName(database))
  let instance = ''
  for await (const name of instances.keys()) instance = name
  const folder = await instances.getDirectoryHandle(instance)
  const file = (await folder.getFileHandle('pack-0000000001')) as FileSystemFileHandle & {
    createSyncAccessHandle(): Promise<{ write(bytes: Uint8Array, at: { at: number }): number; close(): void }>
  }
  const handle = await file.createSyncAccessHandle()
  handle.write(new Uint8Array([0xff]), { at: 40 })
  handle.close()
}

exposeCalls('contract', {
  async run(adapter: AdapterName, name: string): Promise<string | null> {
    const environment = environmentOf(adapter)
    const contractCase = CONTRACT_CASES.find((candidate) => candidate.name === name)
    if (contractCase === undefined) return `no case called ${name}`
    const reason = contractCase.skipReason(environment)
    if (reason !== null) return `not run: ${reason}`
    try {
      await contractCase.run(environment)
      return null
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ''}` : String(error)
    }
  },
})
