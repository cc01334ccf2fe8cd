/** Measures one set: every contender cold, building, searching in alternated rounds, saving and reloading. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contendersOf, downloadOf } from './contenders.js'
import { median, medianOrNull, type Point, qpsAt, recallOf } from './curve.js'
import type { DataSet } from './data-sets.js'
import { type Built, reasonOf, type Reloaded, type Saved, type Session, type Started } from './drive.js'
import { GRAPH } from './engines/contract.js'
import { findTruth } from './places/native-place.js'
import { BASE_FILE, type Contender, QUERIES_FILE, type SetFiles } from './places/place.js'
import { circumstances, type EngineRecord, FORMAT, type Refused, type SetRecord } from './record.js'

export const K = 10
const EF = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448]
/** Beyond it a curve has nothing left to say, and slow engines would spend minutes on it. */
const RECALL_ENOUGH = 0.9995
const PASS_SECONDS_MIN = 0.2
const PASS_SECONDS_MAX = 10

export interface Plan {
  readonly root: string
  readonly command: string
  readonly engines: readonly string[] | null
  readonly repeats: number
}

interface Round {
  readonly ef: number | null
  readonly recall: number
  readonly qps: number
  readonly p50Us: number
  readonly p99Us: number
  readonly cpuUs: number | null
}

/** What is known of a contender so far. */
interface Progress {
  readonly contender: Contender
  session: Session | null
  cannot: string | null
  readonly starts: Started[]
  readonly builds: Built[]
  readonly rounds: Map<number, Round[]>
  enough: boolean
  download: EngineRecord['download']
  save: Saved | Refused | null
  reload: Reloaded | Refused | null
}

const say = (text: string) => console.error(text)

export async function measureSet(set: DataSet, plan: Plan): Promise<SetRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'omendb-bench-data-'))
  const files: SetFiles = {
    folder,
    rows: set.rows,
    dimensions: set.dimensions,
    metric: set.metric,
    graph: GRAPH,
  }
  const before = circumstances(plan.root, plan.command)
  writeFloats(join(folder, BASE_FILE), set.base)
  writeFloats(join(folder, QUERIES_FILE), set.queries)
  const contenders = await contendersOf(plan.root, files, plan.engines)
  const all: Progress[] = contenders.all.map((contender) => ({
    contender,
    session: null,
    cannot: contender.cannot,
    starts: [],
    builds: [],
    rounds: new Map(),
    enough: false,
    download: null,
    save: null,
    reload: null,
  }))
  try {
    const truth = await truthOf(set, plan.root, files)
    await startAll(all, plan)
    await buildAll(all, plan, set)
    await searchAll(all, plan, truth)
    await keepAll(all)
  } finally {
    for (const { session } of all) await session?.close().catch(() => undefined)
    await contenders.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const { name, rows, dimensions, metric } = set
  return {
    format: FORMAT,
    set: { name, rows, dimensions, metric, queries: set.queries.length / dimensions },
    graph: GRAPH,
    k: K,
    repeats: plan.repeats,
    ...before,
    engines: all.map((each) => recordOf(each, set)),
  }
}

function writeFloats(path: string, { buffer, byteOffset, byteLength }: Float32Array): void {
  writeFileSync(path, new Uint8Array(buffer, byteOffset, byteLength))
}

async function truthOf(set: DataSet, root: string, files: SetFiles) {
  if (set.truth !== null) return { rows: set.truth, width: set.truthWidth }
  say(`${set.name}: finding the exact nearest rows`)
  const path = join(files.folder, 'truth.i32')
  await findTruth(root, files, K, path)
  const bytes = readFileSync(path)
  return { rows: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), width: K }
}

/** Runs `work` for each that still takes part; one that fails is out, with its reason, and the others go on. */
async function forEach(all: readonly Progress[], work: (each: Progress, session: Session) => Promise<void>) {
  for (const each of all) {
    if (each.cannot !== null) continue
    try {
      each.session ??= await each.contender.open()
      await work(each, each.session)
    } catch (error) {
      each.cannot = reasonOf(error)
      say(`${each.contender.id}: ${each.cannot}`)
      await each.session?.close().catch(() => undefined)
      each.session = null
    }
  }
}

/** Cold: a process or browser of its own for each; the last one stays. */
async function startAll(all: readonly Progress[], { repeats, root }: Plan): Promise<void> {
  for (let repeat = 0; repeat < repeats; repeat++) {
    await forEach(all, async (each, session) => {
      if (repeat > 0) {
        await session.close()
        each.session = session = await each.contender.open()
      }
      const started = await session.start()
      if (started !== null) {
        each.starts.push(started)
        say(`${each.contender.id}: first answer after ${started.firstAnswerMs.toFixed(0)} ms`)
      }
      each.download = downloadOf(session, root)
    })
  }
}

async function buildAll(all: readonly Progress[], { repeats }: Plan, { name, rows }: DataSet): Promise<void> {
  for (let repeat = 0; repeat < repeats; repeat++) {
    await forEach(all, async (each, session) => {
      await session.prepare()
      const built = await session.build()
      each.builds.push(built)
      say(`${name}: ${each.contender.id} built ${(rows / built.seconds).toFixed(0)} rows/s`)
    })
  }
  await forEach(all, async (_, session) => {
    await session.release()
  })
}

/** The first round warms every engine up and is not counted. */
async function searchAll(
  all: readonly Progress[],
  { repeats }: Plan,
  truth: { rows: Int32Array; width: number },
): Promise<void> {
  for (let round = -1; round < repeats; round++) {
    for (const each of all) each.enough = false
    for (const ef of EF) {
      await forEach(all, async (each, session) => {
        if (each.enough) return
        const { seconds, cpuSeconds, searches, p50Us, p99Us } = await session.search(
          ef,
          K,
          round < 0 ? 0 : PASS_SECONDS_MIN,
          PASS_SECONDS_MAX,
        )
        const recall = recallOf(await session.found(), truth.rows, truth.width, K)
        each.enough = !each.contender.tunable || recall >= RECALL_ENOUGH
        if (round < 0) return
        const cpuUs = cpuSeconds === null ? null : (cpuSeconds / searches) * 1e6
        const point = {
          ef: each.contender.tunable ? ef : null,
          recall,
          qps: searches / seconds,
          p50Us,
          p99Us,
          cpuUs,
        }
        each.rounds.set(ef, [...(each.rounds.get(ef) ?? []), point])
      })
    }
    say(round < 0 ? 'warmed up' : `round ${round + 1} of ${repeats}`)
  }
}

/** One that cannot save or reload keeps its other figures. */
async function keepAll(all: readonly Progress[]): Promise<void> {
  for (const each of all) {
    const { session } = each
    if (session === null || each.cannot !== null) continue
    try {
      each.save = await session.save()
    } catch (error) {
      each.save = { cannot: reasonOf(error) }
      each.reload = { cannot: 'nothing was saved' }
      continue
    }
    try {
      each.reload = await session.reload()
    } catch (error) {
      each.reload = { cannot: reasonOf(error) }
    }
  }
}

function pointOf(rounds: readonly Round[]): Point {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick))
  return {
    ef: rounds[0]!.ef,
    recall: of(({ recall }) => recall),
    qps: of(({ qps }) => qps),
    p50Us: of(({ p50Us }) => p50Us),
    p99Us: of(({ p99Us }) => p99Us),
    cpuUsPerQuery: medianOrNull(rounds.map(({ cpuUs }) => cpuUs)),
  }
}

function recordOf({ contender, cannot, ...each }: Progress, { rows }: DataSet): EngineRecord {
  const { id, engine, title, place, version, notes } = contender
  const curve = cannot === null ? [...each.rounds.values()].map(pointOf) : []
  const seconds = median(each.builds.map((built) => built.seconds))
  const [first] = each.builds
  return {
    id,
    engine,
    title,
    place,
    version,
    variant: each.starts[0]?.variant ?? null,
    notes,
    cannot,
    build:
      first === undefined
        ? null
        : {
            seconds,
            rowsPerSecond: rows / seconds,
            cpuSeconds: medianOrNull(each.builds.map(({ cpuSeconds }) => cpuSeconds)),
            longestPauseMs: medianOrNull(each.builds.map(({ longestPauseMs }) => longestPauseMs)),
          },
    // Of the first build only: later ones reuse what the process kept.
    memory:
      first === undefined ? null : { residentBytes: first.residentBytes, reportedBytes: first.reportedBytes },
    curve,
    qpsAt95: qpsAt(curve, 0.95),
    qpsAt99: qpsAt(curve, 0.99),
    save: each.save,
    reload: each.reload,
    coldStart:
      each.starts.length === 0
        ? null
        : {
            loadMs: median(each.starts.map(({ loadMs }) => loadMs)),
            firstAnswerMs: median(each.starts.map(({ firstAnswerMs }) => firstAnswerMs)),
          },
    download: each.download,
  }
}
