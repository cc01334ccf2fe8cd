/**
 * Makes tables and plots of the recorded runs: the marked sections of docs/benchmarks.md and README.md, and docs/plots/.
 *
 *   npm run bench:report -- [--results FOLDER] [--into FOLDER]
 *
 * `--into` writes report.md and the plots there instead, to look at a run that is not to be kept.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeReport, PLOT_FOLDER, readRecords, withSection } from './sections.js'

// From build/bench, where this is bundled to.
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const { values: options } = parseArgs({
  options: {
    results: { type: 'string', default: join(ROOT, 'tests/bench/results') },
    into: { type: 'string' },
  },
})

const { plots, document, readme } = makeReport(readRecords(options.results))
const target = options.into ?? ROOT
const write = (path: string, text: string) => {
  const full = join(target, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text)
  console.log(full)
}
for (const [path, svg] of plots) write(path, svg)
if (options.into === undefined) {
  // Of runs that are no longer recorded.
  for (const name of readdirSync(join(ROOT, PLOT_FOLDER))) {
    if (!plots.has(`${PLOT_FOLDER}/${name}`)) rmSync(join(ROOT, PLOT_FOLDER, name))
  }
  for (const [path, section] of [
    ['docs/benchmarks.md', document],
    ['README.md', readme],
  ] as const) {
    write(path, withSection(readFileSync(join(ROOT, path), 'utf8'), section))
  }
} else {
  write('docs/report.md', `${document}\n`)
  write('readme-section.md', `${readme}\n`)
}
