/** Real kills of real Node processes that write through the public API, one after another on the same folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Database, open } from 'omendb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../storage/seeded-random.js'
import {
  afterWrite,
  NOTES,
  type Rows,
  type Said,
  TAGS,
  vectorOf,
  type Write,
  writerOf,
  WRITERS,
} from './kill-script.js'

const KILLS = Number(process.env['OMENDB_KILLS'] ?? 5)
/** Searches after each kill. */
const SEARCHES = 20

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
  expect(
    said.filter(({ is }) => is === 'failed'),
    'a process that was not killed yet failed',
  ).toEqual([])
  expect(signal, 'the process ended by itself').toBe('SIGKILL')
  return said
}

/** All rows, each checked to be whole. */
async function rowsOf(db: Database): Promise<Rows> {
  const rows = new Map<string, number>()
  for (const name of await db.collections()) {
    for await (const { id, vector, metadata } of (await db.collection<number>(name)).list()) {
      // By hand: a matcher takes a millisecond for each of these.
      const written = vectorOf(name, Number(id), metadata!)
      if (!vector!.every((value, i) => value === written[i])) expect(vector, `${name}/${id}`).toEqual(written)
      rows.set(`${name}/${id}`, metadata!)
    }
  }
  return rows
}

const ofWriter = (rows: Rows, writer: number): [string, number][] =>
  [...rows].filter(([key]) => writerOf(key) === writer).sort(([a], [b]) => (a < b ? -1 : 1))

/** The state that must be there: all that was acknowledged, and of the write under way all or nothing. */
function allowedStates(before: Rows, said: readonly Said[]): [Rows, Rows][] {
  return Array.from({ length: WRITERS }, (_, writer) => {
    let rows = before
    let underWay: Write | null = null
    for (const each of said) {
      if (each.is === 'begun' && each.write.writer === writer) underWay = each.write
      if (each.is === 'done' && each.number === underWay?.number) {
        rows = afterWrite(rows, underWay)
        underWay = null
      }
    }
    return [rows, underWay === null ? rows : afterWrite(rows, underWay)]
  })
}

async function checkSearches(db: Database, rows: Rows, random: () => number): Promise<void> {
  const keys = [...rows.keys()]
  for (let i = 0; i < SEARCHES && keys.length > 0; i += 1) {
    const key = keys[Math.floor(random() * keys.length)]!
    const [name, id] = key.split('/') as [string, string]
    const collection = await db.collection<number>(name)
    const hits = await collection.search({
      vector: vectorOf(name, Number(id), rows.get(key)!),
      k: 3,
      exact: true,
    })
    expect(hits[0], `the nearest to ${key}`).toMatchObject({ id: Number(id), metadata: rows.get(key) })
    // By the graph, where there is one: nothing that is not there.
    const walked = await collection.search({ vector: vectorOf(name, Number(id), rows.get(key)!), k: 10 })
    for (const hit of walked) expect(hit.metadata).toBe(rows.get(`${name}/${String(hit.id)}`))
  }
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
      const found = await rowsOf(db)
      for (const [writer, states] of allowedStates(rows, said).entries()) {
        const held = ofWriter(found, writer)
        const [least, most] = states.map((state) => ofWriter(state, writer))
        // Compared with the nearer one, so that a failure shows what is wrong.
        const isMost = JSON.stringify(held) === JSON.stringify(most)
        expect(held, `${about}: rows of writer ${writer}`).toEqual(isMost ? most : least)
      }
      for (const { name } of [NOTES, TAGS])
        if (said.length > 0) expect(await db.collections()).toContain(name)
      await checkSearches(db, found, random)
      await db.close()
      rows = found
      for (const each of said) if (each.is === 'begun') lastNumber = Math.max(lastNumber, each.write.number)
    }
    console.log(`${KILLS} kills, ${acknowledged} writes acknowledged, ${rows.size} rows at the end`)
    expect(acknowledged).toBeGreaterThan(0)
  },
)
