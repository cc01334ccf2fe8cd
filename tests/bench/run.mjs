/**
 * Side-by-side benchmark: same data, same M and ef_construction, one thread each, alternated.
 *
 *   npm run bench -- [--set NAME] [--rows N] [--data FOLDER] [--engines a,b] [--repeats 3] [--quick] [--out FILE]
 *
 * NAME: a folder of the data folder (default fashion-mnist-784, data folder ../shared/data), or
 * `clustered-384` (generated). `--quick` takes 10,000 rows, one repeat and no hnswlib-wasm.
 * Engines: native, node-sq8, node-f32, chromium-sq8, chromium-f32, chromium-hnswlib-wasm.
 *
 * Recall@10 is judged here, for all engines by the same exact truth. QPS is shown only at a recall: the
 * curve over ef is interpolated (log QPS over recall) at 0.95 and 0.99; medians of the repeats.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { clusteredSet, realSet } from './data-sets.mjs'
import { chromiumEngines, GRAPH, nativeHnswlib, omenNode } from './engines.mjs'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const K = 10
const EF = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448]
const ALL_ENGINES = 'native,node-sq8,node-f32,chromium-sq8,chromium-f32,chromium-hnswlib-wasm'

const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'fashion-mnist-784' },
    rows: { type: 'string' },
    data: { type: 'string', default: join(ROOT, '..', 'shared', 'data') },
    engines: { type: 'string' },
    repeats: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const percentile = (values, p) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))]

function loadSet() {
  const rows = options.rows ? Number(options.rows) : options.quick ? 10_000 : undefined
  const generated = /^clustered-(\d+)$/.exec(options.set)
  return generated
    ? clusteredSet({ rows: rows ?? 100_000, dimensions: Number(generated[1]) })
    : realSet(options.data, options.set, rows)
}

function buildPeer() {
  const binary = join(ROOT, 'build', 'bench', 'hnswlib_peer')
  mkdirSync(dirname(binary), { recursive: true })
  execFileSync(
    'g++',
    [
      '-std=c++17',
      '-O3',
      '-march=native',
      '-o',
      binary,
      join(ROOT, 'tests', 'bench', 'native', 'hnswlib_peer.cc'),
    ],
    { stdio: 'inherit' },
  )
  return binary
}

function recallOf(found, truth, width) {
  let right = 0
  found.forEach((ids, query) => {
    const wanted = new Set(truth.subarray(query * width, query * width + K))
    right += ids.filter((id) => wanted.has(Number(id))).length
  })
  return right / (found.length * K)
}

/** QPS where the curve crosses `recall`: log QPS interpolated between the neighbouring points; null when it never does. */
function qpsAt(curve, recall) {
  const reached = curve.findIndex((point) => point.recall >= recall)
  if (reached < 0) return null
  if (reached === 0) return curve[0].qps
  const [a, b] = [curve[reached - 1], curve[reached]]
  const share = b.recall === a.recall ? 1 : (recall - a.recall) / (b.recall - a.recall)
  return Math.exp(Math.log(a.qps) + share * (Math.log(b.qps) - Math.log(a.qps)))
}

async function main() {
  const set = loadSet()
  const rows = set.base.length / set.dimensions
  const folder = mkdtempSync(join(tmpdir(), 'omendb-bench-data-'))
  const closers = [() => rmSync(folder, { recursive: true, force: true })]
  try {
    writeFileSync(
      join(folder, 'base.f32'),
      new Uint8Array(set.base.buffer, set.base.byteOffset, set.base.byteLength),
    )
    writeFileSync(
      join(folder, 'queries.f32'),
      new Uint8Array(set.queries.buffer, set.queries.byteOffset, set.queries.byteLength),
    )
    const paths = {
      base: join(folder, 'base.f32'),
      queries: join(folder, 'queries.f32'),
      dimensions: set.dimensions,
      metric: set.metric,
    }
    const wanted = (options.engines ?? (options.quick ? 'native,node-sq8,chromium-sq8' : ALL_ENGINES)).split(
      ',',
    )
    const binary = buildPeer()
    let { truth, truthWidth } = set
    if (!truth) {
      const oracle = nativeHnswlib(binary, paths)
      await oracle.truth(K, join(folder, 'truth.i32'))
      await oracle.close()
      const bytes = readFileSync(join(folder, 'truth.i32'))
      truth = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
      truthWidth = K
    }
    const engines = []
    if (wanted.includes('native')) engines.push(nativeHnswlib(binary, paths))
    if (wanted.includes('node-sq8')) engines.push(omenNode(paths, 'sq8'))
    if (wanted.includes('node-f32')) engines.push(omenNode(paths, 'none'))
    const inChromium = {
      'chromium-sq8': 'omendb sq8',
      'chromium-f32': 'omendb f32',
      'chromium-hnswlib-wasm': 'hnswlib-wasm',
    }
    const pages = wanted.filter((name) => name in inChromium).map((name) => inChromium[name])
    if (pages.length > 0) {
      const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
      const entry = manifest.exports['.'].browser.replace(/^\./, '')
      const browser = await chromiumEngines(
        { ...paths, base: 'base.f32', queries: 'queries.f32', entry },
        folder,
        join(ROOT, 'dist'),
        pages,
      )
      engines.push(...browser.engines)
      closers.unshift(() => browser.close())
    }
    const results = engines.map((engine) => ({ engine, name: engine.name, points: new Map() }))
    for (const result of results) {
      result.build = await result.engine.build()
      result.build.rowsPerSecond = rows / result.build.seconds
      console.error(`built ${result.name}: ${result.build.rowsPerSecond.toFixed(0)} rows/s`)
    }
    const repeats = Number(options.repeats ?? (options.quick ? 1 : 3))
    for (let repeat = -1; repeat < repeats; repeat++) {
      // The first round warms every engine up and is not counted.
      for (const ef of EF) {
        for (const result of results) {
          const { seconds, latenciesUs, found } = await result.engine.search(ef, K)
          if (repeat < 0) continue
          const point = result.points.get(ef) ?? { ef, recalls: [], qps: [], p50: [], p99: [] }
          point.recalls.push(recallOf(found, truth, truthWidth))
          point.qps.push(found.length / seconds)
          point.p50.push(percentile(latenciesUs, 0.5))
          point.p99.push(percentile(latenciesUs, 0.99))
          result.points.set(ef, point)
        }
      }
    }
    for (const result of results) {
      await result.engine.close()
      result.curve = [...result.points.values()].map((p) => ({
        ef: p.ef,
        recall: median(p.recalls),
        qps: median(p.qps),
        p50Us: median(p.p50),
        p99Us: median(p.p99),
      }))
    }
    report(set, rows, repeats, results)
  } finally {
    for (const close of closers) await close()
  }
}

/** The run's command line without the places of files, which say nothing to anybody else. */
function commandLine() {
  const words = []
  for (const [name, value] of Object.entries(options)) {
    if (name === 'data' || name === 'out' || value === undefined || value === false) continue
    words.push(value === true ? `--${name}` : `--${name} ${value}`)
  }
  return `npm run bench -- ${words.join(' ')}`
}

function report(set, rows, repeats, results) {
  const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  const record = {
    set: {
      name: set.name,
      rows,
      dimensions: set.dimensions,
      metric: set.metric,
      queries: set.queries.length / set.dimensions,
    },
    graph: GRAPH,
    k: K,
    repeats,
    machine: { cpu: cpus()[0].model, cores: cpus().length, memoryBytes: totalmem(), node: process.version },
    commit: git('rev-parse', 'HEAD') + (git('status', '--porcelain') ? ' (changed)' : ''),
    command: commandLine(),
    date: new Date().toISOString(),
    engines: results.map(({ name, build, curve }) => ({
      name,
      build,
      curve,
      qpsAt95: qpsAt(curve, 0.95),
      qpsAt99: qpsAt(curve, 0.99),
    })),
  }
  const out = options.out ?? join(ROOT, 'tests', 'bench', 'results', `${set.name}.json`)
  writeFileSync(out, `${JSON.stringify(record, null, 1)}\n`)
  const anchor = record.engines[0]
  const show = (value, base) =>
    value ? `${value.toFixed(0).padStart(7)} (${(value / base).toFixed(2)}x)` : '      - '
  console.log(
    `\n${set.name}: ${rows} x ${set.dimensions}, ${set.metric}, k ${K}, M ${GRAPH.M}, ef_construction ${GRAPH.efConstruction}; medians of ${repeats}`,
  )
  console.log(
    `${'engine'.padEnd(44)}   rows/s built     QPS at recall 0.95   QPS at recall 0.99   best recall`,
  )
  for (const engine of record.engines) {
    const best = Math.max(...engine.curve.map((point) => point.recall))
    console.log(
      `${engine.name.padEnd(44)} ${show(engine.build.rowsPerSecond, anchor.build.rowsPerSecond).padEnd(18)} ${show(engine.qpsAt95, anchor.qpsAt95).padEnd(20)} ${show(engine.qpsAt99, anchor.qpsAt99).padEnd(20)} ${best.toFixed(4)}`,
    )
  }
  console.log(`\n${out}`)
}

await main()
