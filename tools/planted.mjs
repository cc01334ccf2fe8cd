#!/usr/bin/env node
// Plants known bugs (planted-bugs.mjs), one at a time, in a copy of the project, and says whether its test notices.
//
//   npm run planted                 all of them; those of the core are built natively
//   npm run planted -- 3 17         only these
//   npm run planted -- host         those that need no compiler: TypeScript, against the wasm as built
//
// A test counts only if it passes without the bug and then tells of a test that failed: a bug that does not compile, or a
// runner that dies, is no bug noticed. Ends with a non-zero exit code when one is missed.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PLANTED_BUGS } from './planted-bugs.mjs'
import { countVitest } from './runner-counts.mjs'
import { projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'
import { trackedFiles } from './tracked-files.mjs'

const PRESET = 'native-release'
const TIMEOUT_MINUTES = 15
/** The random tests explore the same every time, so that what is noticed once is noticed always. */
const SEED = '1'
const LIVES = '2'

const isCore = ({ file }) => !file.endsWith('.ts')

function wantedNumbers() {
  const words = process.argv.slice(2)
  const all = PLANTED_BUGS.map((_, i) => i + 1)
  if (words.length === 0) return all
  if (words.join() === 'host') return all.filter((number) => !isCore(PLANTED_BUGS[number - 1]))
  const numbers = words.map(Number)
  const odd = words.find((_, i) => !all.includes(numbers[i]))
  if (odd !== undefined) {
    console.error(`planted: expected numbers from 1 to ${all.length}, or "host", found ${odd}`)
    process.exit(2)
  }
  return numbers
}

const copy = mkdtempSync(join(tmpdir(), 'omendb-planted-'))
const logPath = join(copy, 'build', 'planted.log')
process.on('exit', () => rmSync(copy, { recursive: true, force: true }))

function copyProject() {
  for (const path of trackedFiles()) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(projectRoot, path), join(copy, path))
  }
  mkdirSync(join(copy, 'build'), { recursive: true })
  for (const path of ['node_modules', 'dist', 'build/wasm']) {
    symlinkSync(join(projectRoot, path), join(copy, path))
  }
}

async function run(command) {
  const env = { ...process.env, OMENDB_SEED: SEED, OMENDB_TEST_SEED: SEED, OMENDB_SIMULATION_LIVES: LIVES }
  const code = await runProgram(command, { cwd: copy, env, logPath, timeoutMinutes: TIMEOUT_MINUTES })
  return { code, log: readFileSync(logPath, 'utf8') }
}

/** @returns {Promise<'passed' | 'failed' | 'broken'>} broken: it did not come to a verdict */
async function runTest(bug) {
  if (!isCore(bug)) {
    const { code, log } = await run(['vitest', 'run', '--bail', '1', bug.test])
    const { passed, failed } = countVitest(log)
    if (code === 0) return passed > 0 ? 'passed' : 'broken'
    return failed > 0 ? 'failed' : 'broken'
  }
  const [layer, filter] = [
    bug.test.slice(0, bug.test.indexOf(':')),
    bug.test.slice(bug.test.indexOf(':') + 1),
  ]
  const build = await run(['cmake', '--preset', PRESET])
  if (build.code !== 0) return 'broken'
  const made = await run(['cmake', '--build', '--preset', PRESET, '-j', '2', '--target', `${layer}_tests`])
  if (made.code !== 0) return 'broken'
  const program = join(copy, 'build', PRESET, 'tests/core', `${layer}_tests`)
  const { code, log } = await run([
    program,
    `--gtest_filter=${filter}`,
    '--gtest_fail_fast',
    `--gtest_random_seed=${SEED}`,
  ])
  if (code === 0) return /\[ {2}PASSED {2}\] [1-9]/.test(log) ? 'passed' : 'broken'
  // A crash in the middle of a test is a failure of that test.
  return /\[ {2}FAILED {2}\]|\[ RUN /.test(log) ? 'failed' : 'broken'
}

/** Tests that pass without any bug, so that a failure is the bug's. */
const sound = new Map()
async function isSound(bug) {
  if (!sound.has(bug.test)) sound.set(bug.test, (await runTest(bug)) === 'passed')
  return sound.get(bug.test)
}

async function plant(number) {
  const bug = PLANTED_BUGS[number - 1]
  const path = join(copy, bug.file)
  const source = readFileSync(path, 'utf8')
  const found = source.split(bug.find).length - 1
  if (found !== 1) return `out of date: ${bug.file} has what it replaces ${found} times, not once`
  if (!(await isSound(bug))) return `no verdict: ${bug.test} does not pass without it`
  writeFileSync(
    path,
    source.replace(bug.find, () => bug.replace),
  )
  try {
    const verdict = await runTest(bug)
    if (verdict === 'failed') return 'noticed'
    return verdict === 'passed' ? `MISSED by ${bug.test}` : `no verdict: ${bug.test} did not run`
  } finally {
    writeFileSync(path, source)
  }
}

const numbers = wantedNumbers()
copyProject()
let noticed = 0
for (const number of numbers) {
  const begin = performance.now()
  const verdict = await plant(number)
  if (verdict === 'noticed') noticed += 1
  const seconds = ((performance.now() - begin) / 1000).toFixed(0)
  console.log(`${String(number).padStart(2)}  ${PLANTED_BUGS[number - 1].what}: ${verdict} (${seconds} s)`)
}
console.log(`${noticed} of ${numbers.length} noticed`)
process.exitCode = noticed === numbers.length ? 0 : 1
