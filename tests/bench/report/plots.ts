/** Which plots are made of what was recorded. */
import type { EngineRecord, GrowthRecord, SetRecord } from '../record.js'
import { type Axis, type Series, svgPlot } from './svg-plot.js'

const RECALL: Axis = { label: 'recall@10', scale: 'recall' }

const isOurs = ({ engine }: EngineRecord) => engine.startsWith('omendb')

export function nameOf({ title, place }: EngineRecord): string {
  return place === 'native' ? title : `${title}, ${place}`
}

export function recallPlot({ set, engines }: SetRecord): string {
  return svgPlot({
    title: `Recall against queries per second: ${set.name}, one thread`,
    x: RECALL,
    y: { label: 'queries/s', scale: 'log' },
    series: engines.map((engine) => ({
      name: nameOf(engine),
      points: engine.curve.map(({ recall, qps }) => [recall, qps] as const),
      strong: isOurs(engine),
    })),
  })
}

/** An engine holds the same memory whatever it is asked: a line from its least recall to its best. */
export function memoryPlot({ set, engines }: SetRecord): string {
  return svgPlot({
    title: `Memory against the recall it buys: ${set.name}`,
    x: RECALL,
    y: { label: 'bytes/vector in memory', scale: 'log' },
    series: engines.flatMap((engine): Series[] => {
      const bytes = engine.memory?.residentBytes ?? null
      if (bytes === null || bytes <= 0) return []
      const points = engine.curve.map(({ recall }) => [recall, bytes / set.rows] as const)
      return [{ name: nameOf(engine), points, strong: isOurs(engine) }]
    }),
  })
}

const GROWTH_FIGURES: Readonly<
  Record<string, readonly [string, string, (engine: EngineRecord) => number | null]>
> = {
  'growth-qps': ['Queries per second at recall@10 0.95 as rows grow', 'queries/s', ({ qpsAt95 }) => qpsAt95],
  'growth-build': [
    'Rows per second built as rows grow',
    'rows/s',
    ({ build }) => build?.rowsPerSecond ?? null,
  ],
  'growth-memory': ['Memory as rows grow', 'bytes in memory', ({ memory }) => memory?.residentBytes ?? null],
}

/** File names without their ending, and the plots. */
export function growthPlots({ sets }: GrowthRecord): Map<string, string> {
  const engines = new Map(
    sets.flatMap((record) => record.engines.map((engine) => [engine.id, engine] as const)),
  )
  const dimensions = sets[0]?.set.dimensions ?? 0
  return new Map(
    Object.entries(GROWTH_FIGURES).map(([file, [title, label, figure]]) => {
      const series = [...engines.values()].map((engine) => ({
        name: nameOf(engine),
        strong: isOurs(engine),
        points: sets.flatMap((record) => {
          const found = record.engines.find(({ id }) => id === engine.id)
          const value = found === undefined ? null : figure(found)
          return value === null ? [] : [[record.set.rows, value] as const]
        }),
      }))
      const x: Axis = { label: `rows of ${dimensions} dimensions`, scale: 'log' }
      return [file, svgPlot({ title, x, y: { label, scale: 'log' }, series })]
    }),
  )
}
