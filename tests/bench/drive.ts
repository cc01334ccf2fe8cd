/**
 * Asks one engine, in the process or page that it has for itself, and holds the clock: the same code for every engine in
 * JavaScript. The native ones do the same in native/peer_protocol.h.
 *
 * `resident` and `cpuSeconds` are the process's own where it can read them; for a page the runner reads them from outside.
 */
import { percentile } from './curve.js'
import {
  type Engine,
  type Graph,
  type Host,
  type Index,
  type Loaded,
  rowOf,
  type Shape,
} from './engines/contract.js'
import { watchPauses } from './pauses.js'

export interface Started {
  /** From nothing to code that is loaded and compiled. */
  readonly loadMs: number
  /** From nothing to the first answer, over a hundred rows. */
  readonly firstAnswerMs: number
  readonly variant: string | null
}

export interface Built {
  readonly seconds: number
  readonly cpuSeconds: number | null
  /** The longest time a timer of 4 ms was not served. */
  readonly longestPauseMs: number | null
  /** What building added to the process, garbage collected before and after. */
  readonly residentBytes: number | null
  readonly reportedBytes: number | null
}

export interface Searched {
  readonly seconds: number
  readonly cpuSeconds: number | null
  readonly searches: number
  readonly p50Us: number
  readonly p99Us: number
}

export interface Saved {
  readonly seconds: number
  readonly bytes: number
}

export interface Reloaded {
  /** To the first answer. */
  readonly seconds: number
  /** Whether the same query had the same answer as before. */
  readonly same: boolean
}

/** One engine, wherever it runs. */
export interface Session {
  /** `null` for a native program: it has no code to load. */
  start(): Promise<Started | null>
  /** Brings the rows into memory, so that building is timed and weighed without them. */
  prepare(): Promise<object>
  build(): Promise<Built>
  /** Lets go of the rows. */
  release(): Promise<object>
  /** Every query once, and again until `minSeconds` are over; fewer queries when `maxSeconds` are. */
  search(ef: number, k: number, minSeconds: number, maxSeconds: number): Promise<Searched>
  /** What the first pass of the last search found, a list for each query. */
  found(): Promise<(readonly number[])[]>
  save(): Promise<Saved>
  reload(): Promise<Reloaded>
  close(): Promise<void>
}

export interface Meters {
  cpuSeconds(): number | null
  residentBytes(): number | null
}

export interface Vectors {
  base(): Promise<Float32Array>
  queries(): Promise<Float32Array>
}

/** What an engine threw, in one line. */
export function reasonOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown }
  const text =
    typeof message === 'string' ? message : error instanceof Object ? JSON.stringify(error) : String(error)
  return text.split('\n')[0]!.slice(0, 200)
}

const START_ROWS = 100
const QUERIES_MIN = 50
export function driveEngine(
  engine: Engine,
  host: Host,
  shape: Shape,
  graph: Graph,
  vectors: Vectors,
  meters: Meters,
): Session {
  const { dimensions } = shape
  let loaded: Loaded | null = null
  let index: Index | null = null
  let base: Float32Array | null = null
  let queries: Float32Array | null = null
  let lastEf: number | null = null
  let found: (readonly number[])[] = []
  const load = async () => (loaded ??= await engine.load(host))
  const ready = (): Index => {
    if (index === null) throw new Error(`${engine.id} was not built`)
    return index
  }

  return {
    async start() {
      // Made before the clock starts, so that nothing but the engine is timed.
      const rows = Math.min(START_ROWS, shape.rows)
      const some = Float32Array.from({ length: rows * dimensions }, (_, i) => Math.sin(i * i))
      const began = performance.now()
      const code = await load()
      const loadMs = performance.now() - began
      const first = await code.create({ ...shape, rows }, graph)
      await first.add(some, 0, rows)
      await first.finish?.()
      await first.search(rowOf(some, dimensions, 0), 1)
      const firstAnswerMs = performance.now() - began
      const variant = (await first.variant?.()) ?? null
      await first.close()
      return { loadMs, firstAnswerMs, variant }
    },

    async prepare() {
      await index?.close()
      index = null
      base ??= await vectors.base()
      await load()
      collectGarbage()
      return {}
    },

    async build() {
      if (base === null) throw new Error('build without prepare')
      const code = await load()
      const residentBefore = meters.residentBytes()
      const pauses = watchPauses()
      const cpu = cpuSince(meters)
      const began = performance.now()
      const made = await code.create(shape, graph)
      for (let first = 0; first < shape.rows; first += engine.rowsPerAdd) {
        await made.add(base, first, Math.min(engine.rowsPerAdd, shape.rows - first))
        await nextTask()
      }
      await made.finish?.()
      const seconds = (performance.now() - began) / 1000
      const cpuSeconds = cpu()
      const longestPauseMs = pauses.longestMs()
      pauses.stop()
      index = made
      collectGarbage()
      const residentAfter = meters.residentBytes()
      return {
        seconds,
        cpuSeconds,
        longestPauseMs,
        residentBytes:
          residentBefore === null || residentAfter === null ? null : residentAfter - residentBefore,
        reportedBytes: (await made.memoryBytes?.()) ?? null,
      }
    },

    release() {
      base = null
      collectGarbage()
      return Promise.resolve({})
    },

    async search(ef, k, minSeconds, maxSeconds) {
      const made = ready()
      queries ??= await vectors.queries()
      const count = queries.length / dimensions
      await made.setEf?.(ef)
      lastEf = ef
      found = []
      const latencies: number[] = []
      const cpu = cpuSince(meters)
      const began = performance.now()
      let elapsed = 0
      for (let pass = 0; pass === 0 || elapsed < minSeconds; pass++) {
        for (let i = 0; i < count && (i < QUERIES_MIN || elapsed < maxSeconds); i++) {
          const query = rowOf(queries, dimensions, i)
          const before = performance.now()
          const answer = made.search(query, k)
          const hits = answer instanceof Promise ? await answer : answer
          const after = performance.now()
          latencies.push((after - before) * 1000)
          if (pass === 0) found.push(hits)
          elapsed = (after - began) / 1000
        }
      }
      const [p50Us, p99Us] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
      return { seconds: elapsed, cpuSeconds: cpu(), searches: latencies.length, p50Us, p99Us }
    },

    found: () => Promise.resolve(found),

    async save() {
      const made = ready()
      if (made.save === undefined) throw new Error('it has no way to save')
      const began = performance.now()
      await made.save()
      return { seconds: (performance.now() - began) / 1000, bytes: await host.store.sizeBytes() }
    },

    async reload() {
      const code = await load()
      if (code.reload === undefined) throw new Error('it has no way to reload')
      queries ??= await vectors.queries()
      const query = rowOf(queries, dimensions, 0)
      const before = await ready().search(query, 10)
      await ready().close()
      index = null
      const began = performance.now()
      const again = await code.reload(shape, graph)
      index = again
      await again.search(query, 10)
      const seconds = (performance.now() - began) / 1000
      if (lastEf !== null) await again.setEf?.(lastEf)
      const after = await again.search(query, 10)
      return { seconds, same: String([...before].sort()) === String([...after].sort()) }
    },

    async close() {
      await index?.close()
      index = null
    },
  }
}

function cpuSince(meters: Meters): () => number | null {
  const before = meters.cpuSeconds()
  return () => {
    const after = meters.cpuSeconds()
    return before === null || after === null ? null : after - before
  }
}

function collectGarbage(): void {
  const scope = globalThis as { gc?: () => void }
  scope.gc?.()
  scope.gc?.()
}

/** Lets timers and other work in, at less cost than a timer. */
function nextTask(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve))
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
