/** The contract suite as a page: `contract.run(adapter, case)` answers null, or what went wrong. */
import { deleteDB, openDB } from 'idb'
import type { ContractEnvironment } from '../storage/contract-environment.js'
import { CONTRACT_CASES } from '../storage/contract-suite.js'
import { type AdapterName, createAdapter, indexedDbName, NO_LOCKS } from './page-adapters.js'
import { HOSTILE_NAMES } from '../storage/hostile-names.js'

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
    loseConnection: (database) => loseConnections(indexedDbName(adapter, database)),
    evict: (database) => deleteDB(indexedDbName(adapter, database)),
    damage: (database, object) => damage(adapter, database, object),
  }
  return environment
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

Object.assign(globalThis, { contract })
