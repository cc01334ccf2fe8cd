/** The recorded figures as Markdown tables. */
import {
  isRefused,
  type Circumstances,
  type EngineRecord,
  type GrowthRecord,
  type KernelRecord,
  type SetRecord,
} from '../record.js'
import { nameOf } from './plots.js'

const ANCHOR = 'hnswlib@native'
const RECALL_GOOD = 0.95
const NONE = '–'

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const whole = (value: number | null | undefined) =>
  value === null || value === undefined || !Number.isFinite(value)
    ? NONE
    : Math.round(value).toLocaleString('en')

/** Three digits, as many as such figures are worth. */
const digits = (value: number | null | undefined) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE
  return value >= 100 ? whole(value) : String(Number(value.toPrecision(3)))
}

const ratioTo = (value: number | null | undefined, base: number | null | undefined) =>
  value && base ? `${whole(value)} (${(value / base).toFixed(2)}x)` : whole(value)

export function circumstancesText({ machine, versions, commit, command, date }: Circumstances): string {
  const { node, chromium, firefox } = versions
  const programs = [node && `Node ${node.replace(/^v/, '')}`, chromium?.replace(/ built on.*/, ''), firefox]
  const load = machine.load === null ? '' : `, load ${machine.load.toFixed(1)} before`
  const gigabytes = Math.round(machine.memoryBytes / 2 ** 30)
  return (
    `\`${command}\`, ${date.slice(0, 10)}, commit ${commit.slice(0, 7)}${commit.includes('changed') ? ' with changes' : ''}; ` +
    `${machine.cores} cores of ${machine.cpu}, ${gigabytes} GiB${load}; ` +
    `${programs.filter(Boolean).join(', ')}.`
  )
}

/** Speed. Latency and processor time are those of the first point with a recall of 0.95. */
export function speedTable({ engines }: SetRecord): string {
  const anchor = engines.find(({ id }) => id === ANCHOR)
  const header = [
    'engine',
    'version',
    'queries/s at recall 0.95',
    'at 0.99',
    'best recall',
    'p50, us',
    'p99, us',
    'CPU, us',
    'built, rows/s',
    'CPU s / s',
  ]
  return table(
    header,
    engines.filter(hasFigures).map((engine) => {
      const { build, curve } = engine
      const good = curve.find(({ recall }) => recall >= RECALL_GOOD)
      return [
        nameOf(engine),
        engine.version,
        ratioTo(engine.qpsAt95, anchor?.qpsAt95),
        ratioTo(engine.qpsAt99, anchor?.qpsAt99),
        Math.max(...curve.map(({ recall }) => recall)).toFixed(4),
        digits(good?.p50Us),
        digits(good?.p99Us),
        digits(good?.cpuUsPerQuery),
        ratioTo(build?.rowsPerSecond, anchor?.build?.rowsPerSecond),
        build?.cpuSeconds ? (build.cpuSeconds / build.seconds).toFixed(2) : NONE,
      ]
    }),
  )
}

/** What an engine takes besides time. */
export function costTable({ engines, set }: SetRecord): string {
  const header = [
    'engine',
    'bytes/vector in memory',
    'by its own account',
    'on disk',
    'save, ms',
    'reload to an answer, ms',
    'code loaded, ms',
    'first answer, ms',
    'download, gzip KB',
    'longest pause, ms',
  ]
  const perRow = (bytes: number | null | undefined) => (bytes ? whole(bytes / set.rows) : NONE)
  const rows = engines.filter(hasFigures).map((engine) => {
    const { memory, save, reload, coldStart, download, build } = engine
    const saved = save === null || isRefused(save) ? null : save
    const reloaded = reload === null || isRefused(reload) ? null : reload
    return [
      nameOf(engine),
      perRow(memory?.residentBytes),
      perRow(memory?.reportedBytes),
      isRefused(save) ? 'cannot' : perRow(saved?.bytes),
      isRefused(save) ? 'cannot' : digits(saved && saved.seconds * 1000),
      isRefused(reload)
        ? 'cannot'
        : digits(reloaded && reloaded.seconds * 1000) + (reloaded?.same === false ? ', another answer' : ''),
      digits(coldStart?.loadMs),
      digits(coldStart?.firstAnswerMs),
      digits(download && download.gzipBytes / 1000),
      digits(build?.longestPauseMs),
    ]
  })
  return table(header, rows)
}

/** What did not run, could not do something, or should be known. */
export function remarks({ engines }: SetRecord): string {
  return engines
    .flatMap((engine) => {
      const { cannot, save, reload, notes, curve, variant } = engine
      const said = [
        cannot !== null && `no figures: ${cannot}`,
        isRefused(save) && `cannot save: ${save.cannot}`,
        isRefused(reload) && !isRefused(save) && `cannot reload what it saved: ${reload.cannot}`,
        curve.length > 0 &&
          Math.max(...curve.map(({ recall }) => recall)) < 0.5 &&
          'most of its hits are wrong',
        variant !== null && `ran as ${variant}`,
        ...notes,
      ].filter((each) => each !== false)
      return said.length === 0 ? [] : [`- ${nameOf(engine)}: ${said.join('; ')}.`]
    })
    .join('\n')
}

const hasFigures = ({ cannot, curve }: EngineRecord) => cannot === null && curve.length > 0

/** Few columns and one row of ours per place. */
export function shortTable({ engines }: SetRecord): string {
  const anchor = engines.find(({ id }) => id === ANCHOR)
  return table(
    ['engine', 'queries/s at recall@10 0.95', 'at 0.99', 'built, rows/s'],
    engines
      .filter((each) => hasFigures(each) && !/^omendb-(f32|simd|worker|native-f32)$/.test(each.engine))
      .map((engine) => [
        nameOf(engine),
        ratioTo(engine.qpsAt95, anchor?.qpsAt95),
        ratioTo(engine.qpsAt99, anchor?.qpsAt99),
        ratioTo(engine.build?.rowsPerSecond, anchor?.build?.rowsPerSecond),
      ]),
  )
}

export function growthTable({ sets }: GrowthRecord): string {
  const rows = sets.flatMap((record) =>
    record.engines
      .filter(hasFigures)
      .map((engine) => [
        whole(record.set.rows),
        nameOf(engine),
        whole(engine.qpsAt95),
        whole(engine.qpsAt99),
        whole(engine.build?.rowsPerSecond),
        whole(engine.memory?.residentBytes && engine.memory.residentBytes / record.set.rows),
      ]),
  )
  return table(
    ['rows', 'engine', 'queries/s at recall 0.95', 'at 0.99', 'built, rows/s', 'bytes/vector in memory'],
    rows,
  )
}

/** The most bytes per second that anything, a loop that only reads or a kernel, had from memory in order: the roof. */
export function memoryRoof({ builds }: KernelRecord): number {
  const figures = builds.flatMap((build) => build.figures).filter(({ workingSet }) => workingSet === 'memory')
  return Math.max(...figures.map(({ bytesPerSecond }) => bytesPerSecond))
}

/** One row per kernel; of what memory can deliver, the share that the kernel takes. */
export function kernelTable(record: KernelRecord): string {
  const roof = memoryRoof(record)
  const rows = record.builds.flatMap(({ name, figures }) => {
    const at = (set: string, kernel: string, dimensions: number, where: string) =>
      figures.find(
        (each) =>
          each.set === set &&
          each.kernel === kernel &&
          each.dimensions === dimensions &&
          each.workingSet === where,
      )
    return figures
      .filter(({ set, workingSet }) => workingSet === 'L1' && set !== 'scalar' && set !== 'checksum')
      .map(({ set, kernel, dimensions, nsPerRow, bytesPerSecond }) => {
        const memory = at(set, kernel, dimensions, 'memory')
        const share = memory ? (memory.bytesPerSecond / roof).toFixed(2) : NONE
        return [
          name,
          set === 'read' ? 'read only' : `${set} \`${kernel}\``,
          String(dimensions),
          digits(nsPerRow),
          digits(bytesPerSecond / 1e9),
          digits(at(set, kernel, dimensions, 'L2')?.nsPerRow),
          digits(memory?.nsPerRow),
          digits(memory && memory.bytesPerSecond / 1e9),
          share,
          digits(at(set, kernel, dimensions, 'memory, random rows')?.nsPerRow),
        ]
      })
  })
  return table(
    [
      'build',
      'kernel',
      'dimensions',
      'in L1, ns/row',
      'GB/s',
      'in L2, ns/row',
      'from memory, ns/row',
      'GB/s',
      'share of the roof',
      'random rows, ns/row',
    ],
    rows,
  )
}
