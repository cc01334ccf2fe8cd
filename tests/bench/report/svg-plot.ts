/**
 * Line plots as SVG: log, linear or recall axes, a label at the end of each line, readable on light and on dark pages. Text and
 * coordinates only, so that a plot is a few kilobytes and a difference between two can be read.
 */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Drawn thicker: what the plot is about. */
  readonly strong?: boolean
}

export interface Axis {
  readonly label: string
  /** `recall`: equal steps for equal ratios of what is missed, up to 0.9995; less than `RECALL_LEAST` is left out. */
  readonly scale: 'linear' | 'log' | 'recall'
}

export interface Plot {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

interface Scale {
  readonly ticks: readonly number[]
  at(value: number): number
}

const WIDTH = 940
const HEIGHT = 460
const BOX = { left: 72, right: 600, top: 44, bottom: 410 }
const LABEL_GAP = 15
const RECALL_LEAST = 0.5
const RECALL_TICKS = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995]
const LIGHT = ['#0b62c4', '#c2410c', '#15803d', '#7c3aed', '#b91c5c', '#0e7490', '#8a6d00', '#57606a']
const DARK = ['#6cb0ff', '#ff9a5c', '#5fd38a', '#b79bff', '#ff86b5', '#4fd0e6', '#e0c04a', '#a9b4c0']
const DASHES = ['', '7 4', '2 3']

export function svgPlot({ title, x, y, series }: Plot): string {
  const drawn = series
    .map((each) => ({
      ...each,
      points: each.points.filter(([px, py]) => isWithin(px, x) && isWithin(py, y)),
    }))
    .filter(({ points }) => points.length > 0)
  const all = drawn.flatMap(({ points }) => points)
  const xScale = scaleOf(
    x,
    all.map(([px]) => px),
    BOX.left,
    BOX.right,
  )
  const yScale = scaleOf(
    y,
    all.map(([, py]) => py),
    BOX.bottom,
    BOX.top,
  )
  const lines = drawn.map(({ points, strong }, index) => {
    const places = points.map(([px, py]) => `${round(xScale.at(px))},${round(yScale.at(py))}`)
    const kind = `s${index % LIGHT.length}`
    const dash = DASHES[Math.floor(index / LIGHT.length) % DASHES.length]!
    const style = `${strong === true ? ' stroke-width="3"' : ''}${dash === '' ? '' : ` stroke-dasharray="${dash}"`}`
    const dots = places.map((place) => {
      const [cx, cy] = place.split(',')
      return `<circle class="${kind}" cx="${cx}" cy="${cy}" r="${strong === true ? 3.5 : 2.5}"/>`
    })
    return [`<polyline class="${kind}" points="${places.join(' ')}"${style}/>`, ...dots].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}">`,
    `<style>${style()}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${BOX.left}" y="24">${escape(title)}</text>`,
    ...xScale.ticks.map((tick) => {
      const place = round(xScale.at(tick))
      return `<path class="grid" d="M${place} ${BOX.top}V${BOX.bottom}"/><text x="${place}" y="${BOX.bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`
    }),
    ...yScale.ticks.map((tick) => {
      const place = round(yScale.at(tick))
      return `<path class="grid" d="M${BOX.left} ${place}H${BOX.right}"/><text x="${BOX.left - 8}" y="${place + 4}" text-anchor="end">${tickText(tick)}</text>`
    }),
    `<text x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escape(x.label)}</text>`,
    `<text transform="translate(18 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
    ...lines,
    ...labels(drawn, xScale, yScale),
    '</svg>\n',
  ].join('\n')
}

function isWithin(value: number, { scale }: Axis): boolean {
  if (!Number.isFinite(value)) return false
  return scale === 'linear' || (scale === 'log' ? value > 0 : value >= RECALL_LEAST)
}

/** Beside the last point of each line, moved apart where they would lie upon each other. */
function labels(series: readonly Series[], xScale: Scale, yScale: Scale): string[] {
  const placed = series.map(({ name, points, strong }, index) => {
    const [x, y] = points.at(-1)!
    return { name, strong, index, fromX: xScale.at(x), fromY: yScale.at(y), y: yScale.at(y) }
  })
  placed.sort((a, b) => a.y - b.y)
  for (const [i, each] of placed.entries()) {
    const above = placed[i - 1]
    if (above !== undefined) each.y = Math.max(each.y, above.y + LABEL_GAP)
  }
  // What ran out at the bottom moves up again, and pushes the others.
  for (let i = placed.length - 1; i >= 0; i--) {
    const below = i === placed.length - 1 ? BOX.bottom + LABEL_GAP : placed[i + 1]!.y
    placed[i]!.y = Math.min(placed[i]!.y, below - LABEL_GAP)
  }
  return placed.map(({ name, strong, index, fromX, fromY, y }) => {
    const kind = `s${index % LIGHT.length}`
    const leader = `M${round(fromX + 5)} ${round(fromY)}L${BOX.right + 8} ${round(y)}`
    return `<path class="lead ${kind}" d="${leader}"/><text class="label ${kind}" x="${BOX.right + 12}" y="${round(y + 4)}"${strong === true ? ' font-weight="700"' : ''}>${escape(name)}</text>`
  })
}

const LENGTHS: Readonly<Record<Axis['scale'], (value: number) => number>> = {
  linear: (value) => value,
  log: Math.log10,
  recall: (value) => -Math.log10(Math.max(1 - value, 1 - RECALL_TICKS.at(-1)!)),
}

function scaleOf({ scale }: Axis, values: readonly number[], from: number, to: number): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const toLength = LENGTHS[scale]
  const ticks = ticksOf(scale, least, most)
  const low = toLength(Math.min(least, ticks[0] ?? least))
  const high = toLength(Math.max(most, ticks.at(-1) ?? most))
  const span = high - low || 1
  return { ticks, at: (value) => from + ((toLength(value) - low) / span) * (to - from) }
}

function ticksOf(scale: Axis['scale'], least: number, most: number): readonly number[] {
  if (scale === 'log') return logTicks(least, most)
  if (scale === 'linear') return linearTicks(least, most)
  return RECALL_TICKS.slice(
    Math.max(
      0,
      RECALL_TICKS.findLastIndex((tick) => tick <= least),
    ),
  )
}

/** Powers of ten and, where they are few, their doubles and fives; they enclose the values. */
function logTicks(least: number, most: number): number[] {
  const low = Math.floor(Math.log10(least))
  const high = Math.ceil(Math.log10(most))
  const steps = high - low <= 3 ? [1, 2, 5] : [1]
  const all: number[] = []
  for (let power = low; power <= high; power++) all.push(...steps.map((step) => step * 10 ** power))
  const first = all.findLastIndex((tick) => tick <= least)
  const last = all.findIndex((tick) => tick >= most)
  return all.slice(Math.max(0, first), last < 0 ? undefined : last + 1)
}

function linearTicks(least: number, most: number): number[] {
  const rough = (most - least) / 6 || 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough
  const ticks: number[] = []
  for (let i = Math.ceil(least / step - 1e-9); i * step <= most + step * 1e-6; i++) {
    ticks.push(Number((i * step).toPrecision(10)))
  }
  return ticks
}

function tickText(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`
  return value >= 1000 ? `${value / 1000}k` : String(value)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

function style(): string {
  const colors = (palette: readonly string[]) =>
    palette
      .map((color, i) => `polyline.s${i},path.s${i}{stroke:${color}}circle.s${i},text.s${i}{fill:${color}}`)
      .join('')
  return [
    'text{font:13px system-ui,sans-serif;fill:#3d4650}.title{font-size:15px;font-weight:600;fill:#1f2328}',
    '.page{fill:#fff}.grid{stroke:#d8dee4;fill:none}polyline{fill:none;stroke-width:1.6}',
    'text.label{font-size:12px}.lead{fill:none;stroke-width:.8;opacity:.6}',
    colors(LIGHT),
    '@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#b3bcc6}.title{fill:#e6edf3}.grid{stroke:#2b323b}',
    colors(DARK),
    '}',
  ].join('')
}
