/** The everyday comparison: few engines, few rows, beside what the last recorded quick run found. */
import { existsSync, readFileSync } from 'node:fs'
import type { EngineRecord, SetRecord } from './record.js'

export const QUICK_SET = 'clustered-384@10000'
const ANCHOR = 'hnswlib@native'
export const QUICK_ENGINES = [ANCHOR, 'omendb@node', 'omendb@chromium']

const FIGURES: readonly (readonly [string, (engine: EngineRecord) => number | null | undefined])[] = [
  ['rows/s built', ({ build }) => build?.rowsPerSecond],
  ['QPS at 0.95', ({ qpsAt95 }) => qpsAt95],
  ['QPS at 0.99', ({ qpsAt99 }) => qpsAt99],
]

/** Ratio of each figure to the recorded one, and the same beside hnswlib's, which a slow hour slows as well. */
export function compareQuick(record: SetRecord, path: string): void {
  if (!existsSync(path)) {
    console.log('\nno quick run is recorded; --record writes this one')
    return
  }
  const last = JSON.parse(readFileSync(path, 'utf8')) as SetRecord
  if (last.set.name !== record.set.name) {
    console.log(`\nthe recorded quick run is of ${last.set.name}: nothing to compare`)
    return
  }
  console.log(`\nbeside the quick run of ${last.date.slice(0, 10)}, commit ${last.commit.slice(0, 7)}`)
  const engineIn = ({ engines }: SetRecord, id: string) => engines.find((each) => each.id === id)
  const [anchorNow, anchorThen] = [engineIn(record, ANCHOR), engineIn(last, ANCHOR)]
  for (const now of record.engines) {
    const then = engineIn(last, now.id)
    if (then === undefined) continue
    for (const [name, figure] of FIGURES) {
      const [value, before] = [figure(now), figure(then)]
      if (!value || !before) continue
      const change = value / before
      const anchors = [anchorNow, anchorThen].map((anchor) => (anchor === undefined ? null : figure(anchor)))
      const relative = anchors[0] && anchors[1] ? change / (anchors[0] / anchors[1]) : null
      const beside = relative === null ? '' : `, ${relative.toFixed(2)}x beside hnswlib`
      console.log(
        `${now.id.padEnd(20)} ${name.padEnd(14)} ${before.toFixed(0).padStart(8)} -> ${value.toFixed(0).padStart(8)}  ${change.toFixed(2)}x${beside}`,
      )
    }
  }
}
