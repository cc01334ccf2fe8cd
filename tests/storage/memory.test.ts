import { describe } from 'vitest'
import { memoryStorage } from '../../storage/memory.js'
import { HOSTILE_NAMES } from './hostile-names.js'
import { testContract } from './contract-runner.js'

describe('memory', () => {
  // Two adapters share nothing, so every client of one store uses one adapter.
  const adapter = memoryStorage()
  testContract({
    createAdapter: () => adapter,
    databaseName: (label) => label,
    hostileNames: HOSTILE_NAMES,
  })
})
