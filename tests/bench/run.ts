/**
 * Engines side by side: same data, same M and ef_construction, one thread each, asked in turn.
 *
 *   npm run bench -- [--set NAME[@ROWS],...|growth] [--engines a,b,...] [--data FOLDER] [--repeats 3] [--out FOLDER]
 *                    [--quick [--record]] [--rows-max N]
 *
 * NAME: a folder of the data folder (../shared/data when absent) or `clustered-D`, which is generated. Default: all sets.
 * `--engines` takes engines (`omendb`), places (`node`, `chromium`, `firefox`, `native`) and both (`omendb@chromium`).
 * `--set growth` takes 1,000, 10,000 and 100,000 rows of `clustered-128`, and 1,000,000 with `--rows-max 1000000`.
 * `--quick` compares with the last recorded quick run and writes it anew only with `--record`.
 *
 * One JSON file per set in tests/bench/results/; `npm run bench:report` makes tables and plots from them.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ALL_SETS, loadSet } from './data-sets.js'
import { K, measureSet, type Plan } from './measure.js'
import { compareQuick, QUICK_ENGINES, QUICK_SET } from './quick.js'
import { FORMAT, type GrowthRecord, type SetRecord } from './record.js'

// From tests/bench and from build/bench alike.
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const GROWTH_ENGINES = ['hnswlib', 'omendb-native', 'omendb@node', 'omendb-f32@node', 'usearch@node']
const GROWTH_ROWS = [1000, 10_000, 100_000, 1_000_000]
const GROWTH_SET = 'clustered-128'
const GROWTH_QUERIES = 200

const { values: options } = parseArgs({
  options: {
    set: { type: 'string' },
    engines: { type: 'string' },
    data: { type: 'string', default: join(ROOT, '../shared/data') },
    repeats: { type: 'string' },
    out: { type: 'string', default: join(ROOT, 'tests/bench/results') },
    quick: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    'rows-max': { type: 'string' },
  },
})

/** Without the places of files, which say nothing to anybody else. */
function commandLine(): string {
  const words = Object.entries(options)
    .filter(([name, value]) => !['data', 'out', 'record'].includes(name) && value !== false)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value as string}`))
  return ['npm run bench --', ...words].join(' ')
}

function write(name: string, record: SetRecord | GrowthRecord): void {
  mkdirSync(options.out, { recursive: true })
  const path = join(options.out, `${name}.json`)
  writeFileSync(path, `${JSON.stringify(record, null, 1)}\n`)
  console.log(path)
}

function show({ set, graph, repeats, engines }: SetRecord): void {
  const { M, efConstruction } = graph
  console.log(
    `\n${set.name}: ${set.rows} x ${set.dimensions}, ${set.metric}, k ${K}, M ${M}, ef_construction ${efConstruction}; medians of ${repeats}`,
  )
  const anchor = engines.find(({ engine }) => engine === 'hnswlib')
  const ratio = (value: number | null | undefined, base: number | null | undefined) => {
    if (value === null || value === undefined) return '-'
    return base ? `${value.toFixed(0)} (${(value / base).toFixed(2)}x)` : value.toFixed(0)
  }
  for (const each of engines) {
    const name = `${each.title}, ${each.place}`.padEnd(50)
    if (each.cannot !== null) {
      console.log(`${name} ${each.cannot}`)
      continue
    }
    const best = Math.max(...each.curve.map(({ recall }) => recall))
    const columns = [
      `${ratio(each.build?.rowsPerSecond, anchor?.build?.rowsPerSecond)} rows/s`,
      `QPS ${ratio(each.qpsAt95, anchor?.qpsAt95)} at 0.95`,
      `${ratio(each.qpsAt99, anchor?.qpsAt99)} at 0.99`,
      `best recall ${best.toFixed(4)}`,
    ]
    console.log(`${name} ${columns.map((column) => column.padEnd(24)).join(' ')}`)
  }
}

const plan: Plan = {
  root: ROOT,
  command: commandLine(),
  engines: options.engines?.split(',') ?? null,
  repeats: Number(options.repeats ?? (options.quick ? 1 : 3)),
}

async function measure(spec: string, given: Plan, queries?: number): Promise<SetRecord> {
  const record = await measureSet(loadSet(spec, options.data, queries), given)
  show(record)
  return record
}

if (options.quick) {
  const record = await measure(options.set ?? QUICK_SET, { ...plan, engines: plan.engines ?? QUICK_ENGINES })
  compareQuick(record, join(options.out, 'quick.json'))
  if (options.record) write('quick', record)
} else if (options.set === 'growth') {
  const sets: SetRecord[] = []
  for (const rows of GROWTH_ROWS.filter((each) => each <= Number(options['rows-max'] ?? 100_000))) {
    const spec = `${GROWTH_SET}@${rows}`
    sets.push(await measure(spec, { ...plan, engines: plan.engines ?? GROWTH_ENGINES }, GROWTH_QUERIES))
    // After each, so that a run that is cut short has what it measured.
    write('growth', { format: FORMAT, sets })
  }
} else {
  for (const spec of options.set?.split(',') ?? ALL_SETS) {
    const record = await measure(spec, plan)
    write(record.set.name, record)
  }
}
process.exit(0)
