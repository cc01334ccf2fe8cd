/** Everything that is made of the recorded runs: a pure function of them, so that a test can hold it against what is committed. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FORMAT, type GrowthRecord, type KernelRecord, type SetRecord } from '../record.js'
import { growthPlots, memoryPlot, recallPlot } from './plots.js'
import {
  circumstancesText,
  costTable,
  growthTable,
  kernelTable,
  memoryRoof,
  remarks,
  shortTable,
  speedTable,
} from './tables.js'

const SET_FILES = [
  'fashion-mnist-784',
  'clustered-100000x384',
  'clustered-10000x384',
  'sift10k-128',
  'words-ppmi-200',
  'deep2k-96',
]
/** What the README shows. */
const README_SET = 'fashion-mnist-784'
export const PLOT_FOLDER = 'docs/plots'

export interface Records {
  readonly sets: readonly SetRecord[]
  readonly growth: GrowthRecord | null
  readonly kernels: KernelRecord | null
}

export interface Report {
  /** By path, below the project. */
  readonly plots: ReadonlyMap<string, string>
  readonly document: string
  readonly readme: string
}

export function readRecords(folder: string): Records {
  const read = <Read extends { format: string }>(name: string): Read | null => {
    const path = join(folder, `${name}.json`)
    if (!existsSync(path)) return null
    const record = JSON.parse(readFileSync(path, 'utf8')) as Read
    if (record.format !== FORMAT) throw new Error(`${name}.json is not of the format ${FORMAT}`)
    return record
  }
  return {
    sets: SET_FILES.map((name) => read<SetRecord>(name)).filter((record) => record !== null),
    growth: read<GrowthRecord>('growth'),
    kernels: read<KernelRecord>('kernels'),
  }
}

export function makeReport({ sets, growth, kernels }: Records): Report {
  const plots = new Map<string, string>()
  const show = (name: string, svg: string, folder: string, what: string) => {
    plots.set(`${PLOT_FOLDER}/${name}.svg`, svg)
    return `![${what}](${folder}${name}.svg)`
  }
  const chapters = sets.map((record) => {
    const { set, graph, k, repeats } = record
    const shape = `${set.rows.toLocaleString('en')} x ${set.dimensions}, ${set.metric}`
    const memory = record.engines.some((engine) => engine.memory?.residentBytes)
      ? [
          show(`memory-${set.name}`, memoryPlot(record), 'plots/', `Memory against recall, ${set.name}`),
          costTable(record),
        ]
      : []
    return [
      `### ${set.name}: ${shape}`,
      `k ${k}, M ${graph.M}, ef_construction ${graph.efConstruction}, ${set.queries.toLocaleString('en')} queries, medians of ${repeats}. ${circumstancesText(record)}`,
      show(
        `recall-${set.name}`,
        recallPlot(record),
        'plots/',
        `Recall against queries per second, ${set.name}`,
      ),
      speedTable(record),
      ...memory,
      remarks(record),
    ]
  })
  if (growth !== null && growth.sets.length > 0) {
    const [first] = growth.sets
    const images = [...growthPlots(growth)].map(([name, svg]) =>
      show(name, svg, 'plots/', name.replace('-', ' of ')),
    )
    chapters.push([
      `### Growth, ${first!.set.dimensions} dimensions`,
      circumstancesText(growth.sets.at(-1)!),
      ...images,
      growthTable(growth),
    ])
  }
  if (kernels !== null) {
    chapters.push([
      '### Kernels and the roof above them',
      `${circumstancesText(kernels)} The roof is what memory delivers to one core, row after row: ${(memoryRoof(kernels) / 1e9).toFixed(1)} GB/s, the most that a loop that only reads or any kernel had of it. Rows are float32 for \`f32\` kernels and one byte per dimension for the others; \`random rows\` are asked for as a graph walk asks.`,
      kernelTable(kernels),
    ])
  }
  const shown = sets.find(({ set }) => set.name === README_SET)
  return {
    plots,
    document: chapters.flat().filter(Boolean).join('\n\n') || 'No run is recorded.',
    readme:
      shown === undefined
        ? 'No run is recorded.'
        : [
            `![Recall against queries per second](${PLOT_FOLDER}/recall-${shown.set.name}.svg)`,
            shortTable(shown),
            circumstancesText(shown),
          ].join('\n\n'),
  }
}

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/** `text` with what stands between its marks replaced. */
export function withSection(text: string, section: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`${BEGIN} and ${END} are not there`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${text.slice(end)}`
}
