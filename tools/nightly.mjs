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
const CORE_SEEDS = 10
const KILLS = 100
const STORAGE_KILLS = 20
const TAKEOVERS = 50
const TABS_RUNS = 1_000
const LIVES = 100
const STATES = 2_000
const FUZZ_SECONDS = 600
/** A hang must end; two slow cores that others use as well must not look like one. */
const TIMEOUT_MINUTES = 8 * 60

/** What GoogleTest takes. */
const SEED_MOST = 99_999
const seed = Number(process.env.OMENDB_SEED ?? 1 + (Date.now() % SEED_MOST))
const coreSeed = (i) => ((seed + i) % SEED_MOST) + 1
const PRESET = 'native-release'
const TESTS = `build/${PRESET}/tests/core`

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

const LAYERS = ['base', 'distance', 'quantize', 'index', 'format', 'engine']
const coreWithSeed = (each) => ({
  title: `seeds: core, ${each}`,
  command: [
    'sh',
    '-c',
    LAYERS.map((layer) => `${TESTS}/${layer}_tests --gtest_brief=1 --gtest_random_seed=${each}`).join(' && '),
  ],
})

const steps = [
  { title: 'build for model and seeds, configured', command: ['cmake', '--preset', PRESET] },
  { title: 'build for model and seeds', command: ['cmake', '--build', '--preset', PRESET, '-j', '2'] },
  {
    title: 'model',
    command: [`${TESTS}/engine_tests`, '--gtest_filter=EngineModel*', `--gtest_random_seed=${coreSeed(0)}`],
    env: { OMENDB_MODEL_STEPS: MODEL_STEPS },
  },
  ...Array.from({ length: CORE_SEEDS }, (_, i) => coreWithSeed(coreSeed(i))),
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
