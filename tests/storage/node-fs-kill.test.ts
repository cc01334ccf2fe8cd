import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { bundleFsClient, FsClient } from './fs-client-process.js'
import { seededRandom } from './seeded-random.js'
import { type Acknowledged, checkSurvivors } from './write-script.js'

const KILLS = Number(process.env['OMENDB_KILLS'] ?? 8)

describe('a Node process killed while it writes a folder', () => {
  let script: string
  beforeAll(async () => {
    script = await bundleFsClient()
  })
  afterAll(() => rm(dirname(script), { recursive: true }))

  test.for(Array.from({ length: KILLS }, (_, i) => i))('kill %i', async (i) => {
    const { random, seed } = seededRandom(i)
    const folder = await mkdtemp(join(tmpdir(), 'omendb-kill-'))
    const client = new FsClient(script, 'write', join(folder, 'db'))
    await client.hear(2 + Math.floor(random() * 25))
    await new Promise((resolve) => setTimeout(resolve, random() * 40))
    const [opened, ...steps] = await client.kill()
    expect(opened).toBe('open')
    console.log(`seed ${seed}: killed after ${steps.length} steps`)

    // At once: the lock of a process that is gone does not hold anyone up.
    const session = await nodeFsStorage().open(join(folder, 'db'), 'write')
    await checkSurvivors(session, steps.at(-1) as Acknowledged)
    await session.close()
    await rm(folder, { recursive: true })
  })
})
