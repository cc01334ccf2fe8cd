/**
 * One tab of several that have the same database open. It writes rows under ids of its own, one after the other, and keeps
 * what was acknowledged, and when. Failures come back as `{ code }`.
 */
import type { Collection, Database, OpenOptions, open as openType } from '../../js/platform/browser.js'

interface Package {
  open: typeof openType
}

/** What a tab wrote. A write acknowledged at `acknowledgedMs[i]` (the clock's time) has the number `i`. */
export interface Written {
  readonly acknowledgedMs: readonly number[]
  readonly errors: readonly string[]
}

interface NoteMetadata {
  tab: string
  n: number
}

const DIMENSIONS = 8
const OPTIONS = { dimensions: DIMENSIONS, metric: 'l2' } as const

let database: Database | undefined
let notes: Collection<NoteMetadata> | undefined
let written: { acknowledgedMs: number[]; errors: string[] } = { acknowledgedMs: [], errors: [] }
let writing: Promise<void> | undefined
let isStopped = false

async function open(name: string, options: OpenOptions = {}): Promise<object> {
  const address = './dist/browser.js'
  const omendb = (await import(address)) as Package
  database = await omendb.open(name, options)
  notes = await database.collection<NoteMetadata>('notes', OPTIONS)
  return database.stats()
}

function idOf(tab: string, n: number): string {
  return `${tab}:${n}`
}

function vectorOf(tab: string, n: number): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, (_, d) => tab.charCodeAt(0) * 1000 + n + d)
}

async function writeOne(tab: string, n: number): Promise<void> {
  await notes!.upsert([{ id: idOf(tab, n), vector: vectorOf(tab, n), metadata: { tab, n } }])
}

/** Until `stop`, or the end of the tab. Each acknowledgement is told to the server before the next write begins. */
async function writeOn(tab: string, isTold: boolean): Promise<void> {
  for (let n = 0; !isStopped; n++) {
    await writeOne(tab, n)
    written.acknowledgedMs.push(Date.now())
    if (isTold) await fetch('/acknowledge', { method: 'POST', body: JSON.stringify({ tab, n }) })
  }
}

/**
 * Null when the first `counts[tab]` rows of each tab are there, once, and at most one more of each: the one whose
 * acknowledgement did not arrive. Else what is wrong.
 */
async function check(counts: Record<string, number>): Promise<string | null> {
  let total = 0
  for (const [tab, count] of Object.entries(counts)) {
    const ids = Array.from({ length: count + 2 }, (_, n) => idOf(tab, n))
    for (const [n, row] of (await notes!.get(ids)).entries()) {
      if (row === null && n < count) return `${idOf(tab, n)} was acknowledged and is lost`
      if (row !== null && n > count) return `${idOf(tab, n)} was never written`
      if (row === null) continue
      total++
      const expected = vectorOf(tab, n)
      if (row.metadata?.n !== n || !row.vector?.every((value, d) => value === expected[d]))
        return `${idOf(tab, n)} has another content`
    }
  }
  const { rows, deletedRows } = await notes!.stats()
  if (rows !== total) return `there are ${rows} rows, ${total} are known`
  // No id is written twice, so that only a write that was carried out twice replaces a row.
  return deletedRows === 0 ? null : `${deletedRows} writes were carried out twice`
}

async function withCode<T>(work: () => Promise<T>): Promise<T | null | { code: unknown; message: string }> {
  try {
    return (await work()) ?? null
  } catch (error) {
    return { code: (error as { code?: unknown }).code ?? 'not an OmenError', message: String(error) }
  }
}

/** An upsert of several parts, in which the leader changes. */
async function upload(rows: number): Promise<{ rows: number; progress: number[] }> {
  const ids = Array.from({ length: rows }, (_, n) => `upload:${n}`)
  const vectors = Float32Array.from({ length: rows * DIMENSIONS }, (_, i) => i)
  const metadata = ids.map((_, n) => ({ tab: 'x'.repeat(600), n }))
  const progress: number[] = []
  await notes!.upsert({ ids, vectors, metadata }, { onProgress: ({ done }) => progress.push(done) })
  return { rows: await notes!.count(), progress }
}

async function uploadAborted(rows: number): Promise<unknown> {
  const controller = new AbortController()
  const ids = Array.from({ length: rows }, (_, n) => `aborted:${n}`)
  const vectors = new Float32Array(rows * DIMENSIONS)
  const metadata = ids.map((_, n) => ({ tab: 'x'.repeat(600), n }))
  try {
    const { signal } = controller
    await notes!.upsert({ ids, vectors, metadata }, { signal, onProgress: () => controller.abort('enough') })
  } catch (error) {
    const { code, committedRows, cause } = error as { code: string; committedRows: number; cause: unknown }
    return { code, committedRows, cause, count: await notes!.count() }
  }
  return 'was not aborted'
}

const tabsPage = {
  open: (name: string, options?: OpenOptions) => withCode(() => open(name, options)),
  close: () => withCode(async () => database?.close()),
  stats: () => withCode(async () => database!.stats()),
  role: () => withCode(async () => (await database!.stats()).role),
  count: () => withCode(async () => notes!.count()),
  writeOne: (tab: string, n: number) => withCode(() => writeOne(tab, n)),
  deleteOne: (tab: string, n: number) => withCode(async () => notes!.delete([idOf(tab, n)])),
  nearest: (tab: string, n: number) =>
    withCode(async () => (await notes!.search({ vector: vectorOf(tab, n), k: 1 }))[0]?.id),
  upload: (rows: number) => withCode(() => upload(rows)),
  uploadAborted: (rows: number) => withCode(() => uploadAborted(rows)),
  check: (counts: Record<string, number>) => withCode(() => check(counts)),
  start(tab: string, isTold = false): null {
    isStopped = false
    written = { acknowledgedMs: [], errors: [] }
    writing = writeOn(tab, isTold).catch((error: unknown) => {
      written.errors.push(String(error))
    })
    return null
  },
  written: () => written,
  async stop(): Promise<Written> {
    isStopped = true
    await writing
    return written
  },
}

Object.assign(globalThis, { tabsPage })
