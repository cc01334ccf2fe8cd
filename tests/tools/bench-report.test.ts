import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot, readProjectFile } from '../architecture/project-files.js'
import { median, type Point, percentile, qpsAt, recallOf } from '../bench/curve.js'
import type { EngineRecord, SetRecord } from '../bench/record.js'
import { makeReport, PLOT_FOLDER, readRecords, withSection } from '../bench/report/sections.js'
import { type Series, svgPlot } from '../bench/report/svg-plot.js'
import { costTable, remarks, speedTable } from '../bench/report/tables.js'

const point = (recall: number, qps: number): Point => ({
  ef: 10,
  recall,
  qps,
  p50Us: 1e6 / qps,
  p99Us: 2e6 / qps,
  cpuUsPerQuery: null,
})

describe('the committed report', () => {
  const report = makeReport(readRecords(join(projectRoot, 'tests/bench/results')))

  it.each([
    ['docs/benchmarks.md', report.document],
    ['README.md', report.readme],
  ])('in %s is what the recorded runs give, so run `npm run bench:report`', (path, section) => {
    const text = readProjectFile(path)
    expect(withSection(text, section) === text).toBe(true)
  })

  it('has those plots and no others', () => {
    const folder = join(projectRoot, PLOT_FOLDER)
    const committed = existsSync(folder) ? readdirSync(folder).map((name) => `${PLOT_FOLDER}/${name}`) : []
    expect(committed.sort()).toEqual([...report.plots.keys()].sort())
    for (const [path, svg] of report.plots) expect(readProjectFile(path) === svg, path).toBe(true)
  })
})

describe('recall', () => {
  it('counts each true row once, whatever the order', () => {
    expect(recallOf([[3, 1, 1, 9]], [1, 2, 3, 4], 4, 4)).toBe(0.5)
  })

  it('looks at the first k of a wider truth and of too many hits', () => {
    expect(recallOf([[7, 8, 1, 2]], [1, 2, 3], 3, 2)).toBe(0)
    expect(recallOf([[2], [4]], [1, 2, 3, 4, 5, 6], 3, 2)).toBe(0.5)
  })
})

describe('QPS at a recall', () => {
  it('is interpolated in the logarithm of QPS', () => {
    expect(qpsAt([point(0.9, 1000), point(1, 10)], 0.95)).toBeCloseTo(100)
  })

  it('is that of the first point of a curve that begins above it', () => {
    expect(qpsAt([point(0.97, 500), point(0.99, 400)], 0.95)).toBe(500)
  })

  it('is unknown where a curve never comes to it, or there is none', () => {
    expect(qpsAt([point(0.5, 1000), point(0.94, 10)], 0.95)).toBeNull()
    expect(qpsAt([], 0.95)).toBeNull()
  })

  it('is exact on a point', () => {
    expect(qpsAt([point(0.9, 1000), point(0.95, 700), point(1, 10)], 0.95)).toBeCloseTo(700)
  })
})

describe('statistics', () => {
  it('take the middle and the tail', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(percentile([4, 3, 2, 1], 0.99)).toBe(4)
    expect(median([])).toBeNaN()
  })
})

describe('a plot', () => {
  const plot = (series: Series[]) =>
    svgPlot({
      title: 'a < b & "c"',
      x: { label: 'rows', scale: 'log' },
      y: { label: 'queries/s', scale: 'log' },
      series,
    })
  const lines = (svg: string) =>
    [...svg.matchAll(/<polyline class="s\d" points="([^"]*)"/g)].map(([, at]) => at!)
  const labels = (svg: string) =>
    [...svg.matchAll(/class="label[^>]* y="([\d.]+)"/g)].map(([, y]) => Number(y))

  it('has equal steps for equal ratios on log axes', () => {
    const [line] = lines(
      plot([
        {
          name: 'a',
          points: [
            [1000, 10],
            [10_000, 100],
            [100_000, 1000],
          ],
        },
      ]),
    )
    const [first, second, third] = line!
      .split(' ')
      .map((pair) => pair.split(',').map(Number) as [number, number])
    expect(second![0] - first![0]).toBeCloseTo(third![0] - second![0], 0)
    expect(second![1] - first![1]).toBeCloseTo(third![1] - second![1], 0)
    expect(third![1]).toBeLessThan(first![1])
  })

  it('leaves out what a log axis has no place for, and lines without a point', () => {
    const svg = plot([
      {
        name: 'zero',
        points: [
          [0, 1],
          [10, 0],
          [10, Number.NaN],
        ],
      },
      { name: 'one', points: [[10, 1]] },
    ])
    expect(lines(svg)).toHaveLength(1)
    expect(svg).not.toContain('zero')
  })

  it('keeps labels of neighbouring lines apart, inside the picture', () => {
    const series = Array.from({ length: 20 }, (_, i) => ({ name: `n${i}`, points: [[10, 100 + i] as const] }))
    const places = labels(plot(series)).sort((a, b) => a - b)
    for (const [i, y] of places.slice(1).entries()) expect(y - places[i]!).toBeGreaterThan(14)
    expect(places.at(-1)).toBeLessThan(460)
    expect(places[0]).toBeGreaterThan(0)
  })

  it('escapes its texts and follows the colours of the page', () => {
    const svg = plot([
      {
        name: '<b>',
        points: [
          [1, 1],
          [2, 2],
        ],
      },
    ])
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;')
    expect(svg).not.toContain('<b>')
    expect(svg).toContain('prefers-color-scheme:dark')
  })
})

describe('a marked section', () => {
  it('is replaced and nothing else', () => {
    const text = 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n'
    const once = withSection(text, 'new')
    expect(once).toBe('before\n<!-- bench:begin -->\n\nnew\n\n<!-- bench:end -->\nafter\n')
    expect(withSection(once, 'new')).toBe(once)
  })

  it('must be there', () => {
    expect(() => withSection('<!-- bench:end --><!-- bench:begin -->', 'new')).toThrow('bench:begin')
  })
})

describe('tables', () => {
  const engine = (id: string, more: Partial<EngineRecord>): EngineRecord => ({
    id,
    engine: id.split('@')[0]!,
    title: id.split('@')[0]!,
    place: id.split('@')[1]!,
    version: '1.0.0',
    variant: null,
    notes: [],
    cannot: null,
    build: { seconds: 2, rowsPerSecond: 500, cpuSeconds: 2, longestPauseMs: 7 },
    memory: { residentBytes: 4_000_000, reportedBytes: null },
    curve: [point(0.9, 1000), point(1, 100)],
    qpsAt95: 300,
    qpsAt99: 150,
    save: { seconds: 0.1, bytes: 2_000_000 },
    reload: { seconds: 0.2, same: true },
    coldStart: null,
    download: null,
    ...more,
  })
  const record = {
    set: { name: 'small', rows: 1000, dimensions: 8, metric: 'l2', queries: 10 },
    engines: [
      engine('hnswlib@native', {}),
      engine('other@node', {
        qpsAt95: 150,
        save: { cannot: 'no disk' },
        reload: { cannot: 'nothing was saved' },
      }),
      engine('forgetful@node', { reload: { seconds: 1, same: false } }),
      engine('absent@node', { cannot: 'cosine only', curve: [], build: null, memory: null }),
    ],
  } as unknown as SetRecord

  it('put figures beside the anchor', () => {
    expect(speedTable(record)).toMatch(
      /\| other, node \| 1\.0\.0 \| 150 \(0\.50x\) \| 150 \(1\.00x\) \| 1\.0000 \|/,
    )
  })

  it('count bytes per row, and say what cannot be done', () => {
    expect(costTable(record)).toMatch(/\| other, node \| 4,000 \| – \| cannot \| cannot \| cannot \|/)
    expect(costTable(record)).toMatch(/forgetful.*1,000, another answer/)
  })

  it('leave nobody out in silence', () => {
    expect(remarks(record)).toContain('- absent, node: no figures: cosine only.')
    expect(remarks(record)).toContain('- other, node: cannot save: no disk.')
  })
})
