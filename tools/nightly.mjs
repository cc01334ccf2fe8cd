#!/usr/bin/env node
// `npm run nightly`: what `npm test` does a little of, for hours: random steps, crashes, kills, bytes, planted bugs.
//
//   npm run nightly                   everything
//   npm run nightly -- kills model    only the stages whose title holds one of these words
//
// One seed for all of them is drawn and printed; OMENDB_SEED=N takes that one. Logs are in build/logs/.
import { build } from './build.mjs'
import { countFuzzTargets, countPlanted, countVitest } from './runner-counts.mjs'
import { setUp, SetupError } from './setup.mjs'
import { conclude, runSteps } from './stages.mjs'

const MODEL_STEPS = 1_000_000
const KILLS = 100
const STORAGE_KILLS = 20
const TAKEOVERS = 50
const TABS_RUNS = 1_000
const LIVES = 100
const STATES = 2_000
const FUZZ_SECONDS = 600
/** A hang must end; two slow cores that others use as well must not look like one. */
const TIMEOUT_MINUTES = 8 * 60

// GoogleTest takes seeds up to 99,999.
const seed = Number(process.env.OMENDB_SEED ?? 1 + (Date.now() % 99_999))
const PRESET = 'native-release'

const vitest = (project, file, ...more) => [
  'vitest',
  'run',
  '--project',
  project,
  '--no-file-parallelism',
  file,
  ...more,
]
const kills = (title, project, file, ...more) => ({
  title: `kills ${title}`,
  command: vitest(project, file, ...more),
  env: { OMENDB_KILLS: KILLS, OMENDB_BROWSER_KILLS: STORAGE_KILLS },
  count: countVitest,
})

const steps = [
  { title: 'model configure', command: ['cmake', '--preset', PRESET] },
  {
    title: 'model build',
    command: ['cmake', '--build', '--preset', PRESET, '-j', '2', '--target', 'engine_tests'],
  },
  {
    title: 'model',
    command: [
      `build/${PRESET}/tests/core/engine_tests`,
      '--gtest_filter=EngineModel*',
      `--gtest_random_seed=${seed}`,
    ],
    env: { OMENDB_MODEL_STEPS: MODEL_STEPS },
  },
  kills('Node', 'unit', 'tests/js/engine/node-kill.test.ts'),
  kills('Node storage', 'storage', 'tests/storage/node-fs-kill.test.ts'),
  kills('Chromium', 'browser', 'tests/browser/ingestion-kill.test.ts', '-t', 'chromium'),
  kills('Firefox', 'browser', 'tests/browser/ingestion-kill.test.ts', '-t', 'firefox'),
  kills('browser storage', 'browser', 'tests/browser/storage-kill.test.ts'),
  {
    title: 'takeovers',
    command: vitest('browser', 'tests/browser/tabs.test.ts'),
    env: { OMENDB_TAKEOVERS: TAKEOVERS },
    count: countVitest,
  },
  {
    title: 'tabs in virtual time',
    command: vitest('unit', 'tests/js/sharing', '--testTimeout', String(TIMEOUT_MINUTES * 60_000)),
    env: { OMENDB_TABS_RUNS: TABS_RUNS },
    count: countVitest,
  },
  {
    title: 'simulate',
    command: ['node', 'tools/simulate.mjs', String(LIVES), String(STATES)],
    count: countVitest,
  },
  { title: 'fuzz', command: ['node', 'tools/fuzz.mjs', String(FUZZ_SECONDS)], count: countFuzzTargets },
  { title: 'planted', command: ['node', 'tools/planted.mjs'], count: countPlanted },
]

const words = process.argv.slice(2)
const wanted = steps.filter(({ title }) => words.length === 0 || words.some((word) => title.includes(word)))
if (wanted.length === 0) {
  console.error(`nightly: no stage is called ${words.join(' or ')}`)
  process.exit(2)
}

const begin = performance.now()
const results = []
try {
  console.log(`seed ${seed}`)
  setUp('test')
  results.push(...(await build()))
  if (results.every(({ ok }) => ok)) {
    const nightly = wanted.map((step) => ({
      ...step,
      title: `nightly ${step.title}`,
      env: { ...process.env, OMENDB_SEED: seed, ...step.env },
      timeoutMinutes: TIMEOUT_MINUTES,
    }))
    // One at a time: kills and takeovers hang on timing.
    results.push(...(await runSteps(nightly)))
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`setup: ${error.message}`)
  results.push({ counts: { passed: 0, failed: 1 }, ok: false, title: 'setup' })
}
conclude(results, begin)
