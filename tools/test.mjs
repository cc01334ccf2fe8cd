#!/usr/bin/env node
// `npm test`: sets up, builds, checks and runs every test, on this machine's real runtimes.
//
//   npm test                     everything
//   npm test -- browser edge     only the stages whose title holds one of these words
//
// Ends with a line `N passed, N failed`, summed over all runners, and a non-zero exit code when anything failed.
import { build } from './build.mjs'
import { checks, clangTidy, unitTests } from './check.mjs'
import { countFuzzTargets, countGoogleTests, countVitest } from './runner-counts.mjs'
import { setUp, SetupError } from './setup.mjs'
import { conclude, runSteps } from './stages.mjs'

const coreTests = (preset) => ({
  title: `core ${preset}`,
  command: ['node', 'tools/core-tests.mjs', preset],
  count: countGoogleTests,
})
const project = (name) => ({
  title: name,
  command: ['vitest', 'run', '--project', name],
  count: countVitest,
})
const FUZZ_SECONDS = 5
/** @type {import('./stages.mjs').Step} */
const fuzz = {
  title: 'fuzz',
  command: ['node', 'tools/fuzz.mjs', String(FUZZ_SECONDS)],
  count: countFuzzTargets,
}
// Two browsers at once on two cores time nothing but each other.
const oneFileAtATime = (step) => ({ ...step, command: [...step.command, '--no-file-parallelism'] })

/** Groups run one after the other; the steps of a group share the machine, `width` at a time. */
const groups = [
  { width: 2, steps: checks },
  { width: 1, steps: [coreTests('native-asan'), coreTests('wasm-simd'), coreTests('wasm-relaxed'), fuzz] },
  { width: 1, steps: [clangTidy, unitTests, project('storage'), project('simulation')] },
  {
    width: 1,
    steps: ['edge', 'browser', 'package', 'examples'].map((name) => oneFileAtATime(project(name))),
  },
]

const words = process.argv.slice(2)
const wanted = ({ title }) => words.length === 0 || words.some((word) => title.includes(word))
const begin = performance.now()
const results = []

try {
  setUp('test')
  results.push(...(await build()))
  if (results.every(({ ok }) => ok)) {
    for (const { width, steps } of groups) {
      results.push(...(await runSteps(steps.filter(wanted), { width })))
    }
    if (results.length === 0) throw new SetupError(`no stage is called ${words.join(' or ')}`)
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`setup: ${error.message}`)
  results.push({ counts: { passed: 0, failed: 1 }, ok: false, title: 'setup' })
}

conclude(results, begin)
