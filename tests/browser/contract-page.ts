/** The contract suite as a page: `contract.run(adapter, case)` answers null, or what went wrong. */
import { deleteDB, openDB } from 'idb'
import type { StorageAdapter } from '../../storage/contract.js'
import { escapeDatabaseName } from '../../storage/database-name.js'
import { idbfsStorage } from '../../storage/idbfs.js'
import type { CreateIdbfsModule } from '../../storage/idbfs-module.js'
import { indexedDbStorage } from '../../storage/indexeddb.js'
import type { LockProvider } from '../../storage/web-lock.js'
import type { ContractEnvironment } from '../storage/contract-environment.js'
import { CONTRACT_CASES } from '../storage/contract-suite.js'
import { HOSTILE_NAMES } from '../storage/hostile-names.js'

type AdapterName = 'indexeddb' | 'idbfs'

/** Grants every lock at once: the lock of a client that believes to be alone. */
const NO_LOCKS: LockProvider = { request: async (_name, _options, callback) => callback({}) }

let loaded: CreateIdbfsModule | undefined
const createModule: CreateIdbfsModule = async (options) => {
  // Not bundled: it is the file that the package ships.
  const address = './idbfs.mjs'
  loaded ??= ((await import(address)) as { default: CreateIdbfsModule }).default
  return loaded(options)
}

export function createAdapter(name: AdapterName, locks?: LockProvider): StorageAdapter {
  const options = locks === undefined ? {} : { locks }
  return name === 'indexeddb' ? indexedDbStorage(options) : idbfsStorage({ createModule, ...options })
}

function indexedDbName(adapter: AdapterName, database: string): string {
  const escaped = escapeDatabaseName(database)
  return adapter === 'indexeddb' ? `omendb:${escaped}` : `/omendb-idbfs-${escaped}`
}

function environmentOf(adapter: AdapterName): ContractEnvironment {
  const environment: ContractEnvironment = {
    createAdapter: () => createAdapter(adapter),
    databaseName: (label) => `${adapter} ${label}`,
    hostileNames: HOSTILE_NAMES,
    createRival: async () => createAdapter(adapter, NO_LOCKS),
    async exists(database) {
      const found = await indexedDB.databases()
      return found.some(({ name }) => name === indexedDbName(adapter, database))
    },
    loseConnection: (database) => deleteDB(indexedDbName(adapter, database)),
    damage: (database, object) => damage(adapter, database, object),
  }
  return environment
}

async function damage(adapter: AdapterName, database: string, object: string): Promise<void> {
  const name = indexedDbName(adapter, database)
  const connection = await openDB(name)
  if (adapter === 'indexeddb') await connection.delete('chunks', [object, 3])
  else await connection.put('FILE_DATA', { timestamp: new Date(), mode: 33206 }, `${name}/o-${object}`)
  connection.close()
}

const contract = {
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
}

Object.assign(globalThis, { contract, createAdapter })
