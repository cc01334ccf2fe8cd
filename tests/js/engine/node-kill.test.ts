/** Real kills of real Node processes that write through the public API, one after another on the same folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { open } from 'omendb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../storage/seeded-random.js'
import { checkSearches, readRows } from './kill-reads.js'
import { COLLECTIONS, lastNumberOf, type Rows, type Said } from './kill-script.js'
import { expectSurvivors } from './kill-survivors.js'

const KILLS = Number(process.env['OMENDB_KILLS'] ?? 5)

let folder: string
let script: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'omendb-node-kill-'))
  script = join(folder, 'kill-client.mjs')
  const packageEntry = join(import.meta.dirname, '../../../dist/node.js')
  await build({
    entryPoints: [fileURLToPath(new URL('kill-client.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // As it is built: beside its wasm and the script of its worker.
    alias: { omendb: packageEntry },
    external: [packageEntry],
  })
})
afterAll(() => rm(folder, { recursive: true }))

interface Moment {
  /** Lines that the process has said by then. */
  readonly lines: number
  readonly delayMs: number
}

/** Runs the writers until they are killed; what they said, without a line that was cut off. */
async function killed(options: readonly string[], { lines, delayMs }: Moment): Promise<Said[]> {
  const child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let text = ''
  const heard = new Promise<void>((resolve) => {
    const look = (): void => {
      if (text.split('\n').length > lines) resolve()
    }
    look()
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more
      look()
    })
  })
  await Promise.race([heard, ended])
  await new Promise((resolve) => setTimeout(resolve, delayMs))
  child.kill('SIGKILL')
  const [, signal] = (await ended) as [number | null, string | null]
  const said = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Said)
  const failed = said.find(({ is }) => is === 'failed')
  expect(signal, `the process ended by itself: ${JSON.stringify(failed)}`).toBe('SIGKILL')
  return said
}

it(
  `${KILLS} kills lose nothing, leave nothing by halves and bring nothing back`,
  { timeout: 30_000 + KILLS * 20_000 },
  async () => {
    const { random, seed } = seededRandom(0)
    const again = `OMENDB_SEED=${seed} OMENDB_KILLS=${KILLS} npx vitest run --project unit tests/js/engine/node-kill.test.ts`
    console.log(`the same writes again, killed where the clock will have it: ${again}`)
    const database = join(folder, 'db')
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!
    let rows: Rows = new Map()
    let lastNumber = 0
    let acknowledged = 0
    for (let round = 0; round < KILLS; round += 1) {
      // The end of a process takes no acknowledged write, whatever the durability.
      const durability = pick(['strict', 'relaxed', 'manual'])
      const worker = pick(['true', 'false'])
      // Each fifth process is killed while it starts and recovers.
      const moment =
        round % 5 === 4
          ? { lines: 0, delayMs: random() * 250 }
          : { lines: 1 + Math.floor(random() * 120), delayMs: random() * 30 }
      const options = [database, String(seed + round), String(lastNumber), durability, worker]
      const said = await killed(options, moment)
      const done = said.filter(({ is }) => is === 'done').length
      acknowledged += done
      const about = `round ${round}, seed ${seed}, ${durability}, worker ${worker}, ${done} writes acknowledged`

      // A reader leaves what it finds for the next process to recover; a writer recovers and stores it.
      const readOnly = random() < 0.5
      const db = await open(database, { storage: 'fs', readOnly })
      const found = await readRows(db)
      expectSurvivors(found, rows, said, about)
      if (said.length > 0) expect(await db.collections()).toEqual(expect.arrayContaining([...COLLECTIONS]))
      await checkSearches(db, found, random)
      await db.close()
      rows = found
      lastNumber = lastNumberOf(said, lastNumber)
    }
    console.log(`${KILLS} kills, ${acknowledged} writes acknowledged, ${rows.size} rows at the end`)
    expect(acknowledged).toBeGreaterThan(0)
  },
)
