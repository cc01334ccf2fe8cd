/** Native programs: hnswlib and faiss as Debian packages them, and this project's own core. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Session } from '../drive.js'
import { debianVersion, packageVersion } from '../record.js'
import { lineChild } from './line-child.js'
import { lineSession } from './node-place.js'
import { BASE_FILE, QUERIES_FILE, type SetFiles } from './place.js'

export interface NativeEngine {
  readonly id: string
  readonly title: string
  readonly notes: readonly string[]
  version(root: string): string
  /** Compiles what is not compiled yet; answers where it is. */
  build(root: string): string
  readonly option?: string
}

const GXX_FLAGS = ['-std=c++17', '-O3', '-march=native']
const GXX_NOTE = `g++ ${GXX_FLAGS.slice(1).join(' ')}`
const OMENDB_NOTE = 'clang++-19 -O3, AVX2 kernels chosen at run time; the public C++ API, no JavaScript'

export const NATIVE_ENGINES: readonly NativeEngine[] = [
  {
    id: 'hnswlib',
    title: 'hnswlib (native)',
    notes: [GXX_NOTE],
    version: () => debianVersion('libhnswlib-dev'),
    build: (root) => compile(root, 'hnswlib_peer', []),
  },
  {
    id: 'faiss',
    title: 'faiss HNSW (native)',
    notes: [`the library as Debian builds it, for any x86-64; its driver with ${GXX_NOTE}`],
    version: () => debianVersion('libfaiss-dev'),
    build: (root) => compile(root, 'faiss_peer', ['-fopenmp', '-lfaiss', '-lblas', '-llapack']),
  },
  {
    id: 'omendb-native',
    title: 'OmenDB core (native AVX2)',
    notes: [OMENDB_NOTE],
    version: (root) => packageVersion(root, 'omendb'),
    build: compileOurs,
    option: 'auto',
  },
  {
    id: 'omendb-native-f32',
    title: 'OmenDB core (native AVX2, f32)',
    notes: [OMENDB_NOTE],
    version: (root) => packageVersion(root, 'omendb'),
    build: compileOurs,
    option: 'f32',
  },
]

export function openNativeSession(root: string, engine: NativeEngine, files: SetFiles): Session {
  const session = lineSession(engine.build(root), argumentsOf(files, engine.option))
  return { ...session, start: () => Promise.resolve(null) }
}

/** By brute force in hnswlib's program, whose library has no part in it. */
export async function findTruth(root: string, files: SetFiles, k: number, path: string): Promise<void> {
  const child = lineChild(compile(root, 'hnswlib_peer', []), argumentsOf({ ...files }))
  await child.ask(`truth ${k} ${path}`)
  await child.close()
}

function argumentsOf({ folder, dimensions, metric, graph }: SetFiles, option?: string): string[] {
  const { M, efConstruction, seed } = graph
  const words = [
    join(folder, BASE_FILE),
    join(folder, QUERIES_FILE),
    dimensions,
    metric,
    M,
    efConstruction,
    seed,
  ]
  return [...words.map(String), ...(option === undefined ? [] : [option])]
}

function compile(root: string, name: string, libraries: readonly string[]): string {
  const folder = join(root, 'tests/bench/native')
  const sources = [join(folder, `${name}.cc`), join(folder, 'peer_protocol.h')]
  const binary = join(root, 'build/bench', name)
  const changed = (path: string) => statSync(path).mtimeMs
  if (existsSync(binary) && sources.every((source) => changed(source) < changed(binary))) return binary
  mkdirSync(dirname(binary), { recursive: true })
  const args = [...GXX_FLAGS, '-o', binary, sources[0]!, ...libraries]
  execFileSync('g++', args, { stdio: ['ignore', 2, 2] })
  return binary
}

function compileOurs(root: string): string {
  const quietly = { cwd: root, stdio: ['ignore', 'ignore', 2] as ('ignore' | number)[] }
  execFileSync('cmake', ['--preset', 'native-release'], quietly)
  execFileSync(
    'cmake',
    ['--build', '--preset', 'native-release', '-j', '2', '--target', 'omendb_peer'],
    quietly,
  )
  return join(root, 'build/native-release/tests/bench/omendb_peer')
}
