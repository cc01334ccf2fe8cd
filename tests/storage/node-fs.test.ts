import { mkdtempSync } from 'node:fs'
import { access, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { testContract } from './contract-runner.js'
import { HOSTILE_FOLDER_NAMES } from './hostile-names.js'

describe('node-fs', () => {
  const root = mkdtempSync(join(tmpdir(), 'omendb-fs-'))
  afterAll(() => rm(root, { recursive: true, force: true }))

  testContract({
    createAdapter: nodeFsStorage,
    databaseName: (label) => join(root, label),
    hostileNames: HOSTILE_FOLDER_NAMES.map((name) => `${root}/hostile/${name}`),
    async createRival(database) {
      const lockFolder = join(database, 'lock')
      for (const name of await readdir(lockFolder)) await rm(join(lockFolder, name))
      return nodeFsStorage()
    },
    exists: (database) =>
      access(database).then(
        () => true,
        () => false,
      ),
  })
})
