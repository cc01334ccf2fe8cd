/** What a run writes down: one JSON file per set in results/, from which every table and plot is made. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Point } from './curve.js'
import type { Graph, Metric } from './engines/contract.js'

/** A figure, or why there is none. */
export type Refused = { readonly cannot: string }

export interface BuildFigures {
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly cpuSeconds: number | null
  readonly longestPauseMs: number | null
}

export interface MemoryFigures {
  /** What building added to the process, or to all processes of the browser. */
  readonly residentBytes: number | null
  /** By the engine's own account, or the size of its wasm memory. */
  readonly reportedBytes: number | null
}

export interface EngineRecord {
  readonly id: string
  readonly engine: string
  readonly title: string
  readonly place: string
  readonly version: string
  /** Which of its builds ran. */
  readonly variant: string | null
  readonly notes: readonly string[]
  /** Why it has no figures here at all. */
  readonly cannot: string | null
  readonly build: BuildFigures | null
  readonly memory: MemoryFigures | null
  readonly curve: readonly Point[]
  readonly qpsAt95: number | null
  readonly qpsAt99: number | null
  readonly save: { readonly seconds: number; readonly bytes: number } | Refused | null
  /** To the first answer after it; `same`: whether that was the one before. */
  readonly reload: { readonly seconds: number; readonly same: boolean } | Refused | null
  readonly coldStart: { readonly loadMs: number; readonly firstAnswerMs: number } | null
  /** What a page fetched until the first answer. */
  readonly download: { readonly bytes: number; readonly gzipBytes: number } | null
}

export interface Circumstances {
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryBytes: number
    /** Before the run; `null` where it was not written down. */
    readonly load: number | null
  }
  readonly versions: Readonly<Record<string, string>>
  readonly commit: string
  readonly command: string
  readonly date: string
}

export interface SetRecord extends Circumstances {
  readonly format: typeof FORMAT
  readonly set: {
    readonly name: string
    readonly rows: number
    readonly dimensions: number
    readonly metric: Metric
    readonly queries: number
  }
  readonly graph: Graph
  readonly k: number
  readonly repeats: number
  readonly engines: readonly EngineRecord[]
}

/** The same engines at several numbers of rows. */
export interface GrowthRecord {
  readonly format: typeof FORMAT
  readonly sets: readonly SetRecord[]
}

export interface KernelFigure {
  /** Of kernels: `scalar`, `avx2`, `simd128`, ...; `read` only reads. */
  readonly set: string
  readonly kernel: string
  readonly dimensions: number
  readonly workingSet: string
  readonly nsPerRow: number
  readonly bytesPerSecond: number
}

export interface KernelRecord extends Circumstances {
  readonly format: typeof FORMAT
  readonly builds: readonly { readonly name: string; readonly figures: readonly KernelFigure[] }[]
}

export const FORMAT = 'omendb-bench-2'

export const isRefused = (value: object | null): value is Refused => value !== null && 'cannot' in value

export function circumstances(root: string, command: string): Circumstances {
  const git = (...words: string[]) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
  const [processor] = cpus()
  return {
    machine: {
      cpu: processor?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      load: loadavg()[0] ?? 0,
    },
    versions: versions(),
    commit: git('rev-parse', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' (changed)'),
    command,
    date: new Date().toISOString(),
  }
}

function versions(): Record<string, string> {
  const first = (command: string, ...args: string[]): string => {
    try {
      const printed = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      return printed.split('\n')[0]!.trim()
    } catch {
      return 'absent'
    }
  }
  return {
    node: process.version,
    chromium: first('chromium', '--version'),
    firefox: first('firefox-esr', '--version'),
    'g++': first('g++', '--version'),
    'clang++': first('clang++-19', '--version'),
  }
}

/** The version of an installed Debian package. */
export function debianVersion(name: string): string {
  try {
    return execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' })
  } catch {
    return 'unknown'
  }
}

/** The version of a package: this project's, or a peer's. */
export function packageVersion(root: string, name: string): string {
  const path = name === 'omendb' ? 'package.json' : `tests/bench/peers/node_modules/${name}/package.json`
  if (!existsSync(join(root, path))) return 'not installed'
  return (JSON.parse(readFileSync(join(root, path), 'utf8')) as { version: string }).version
}
