// Runs the steps of the tools: each a child process whose output goes to a log, one line per step on the terminal.
//
// Not here: what the steps are (build.mjs, check.mjs, test.mjs say).
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './setup.mjs'

const logFolder = join(projectRoot, 'build/logs')
const TAIL_LINES = 150
// More than any stage needs on two slow cores: a hang must not become an endless run.
const TIMEOUT_MINUTES = 30

/** @typedef {{ passed: number, failed: number }} Counts */
/**
 * @typedef {object} Step
 * @property {string} title
 * @property {string[]} command program and arguments; programs of node_modules/.bin are found by name
 * @property {NodeJS.ProcessEnv} [env] instead of this process's own
 * @property {number} [timeoutMinutes] instead of what is enough for a stage of `npm test`
 * @property {(log: string, ok: boolean) => Counts} [count] how many tests the log tells of; one, when absent
 */

const binFolder = join(projectRoot, 'node_modules/.bin')

/** The environment `base`, with node_modules/.bin first on PATH and no colours in logs. */
export function stepEnvironment(base = process.env) {
  return { ...base, PATH: `${binFolder}:${base.PATH ?? ''}`, NO_COLOR: '1', FORCE_COLOR: undefined }
}

/** Process groups under way, so that whoever ends this process ends them too. */
const groups = new Set()
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => {
    for (const group of groups) killGroup(group)
    process.exit(code)
  })
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended
  }
}

/**
 * Runs a program and gives its exit code. Its output goes where this process's goes, unless `logPath` is given; then it
 * runs in a process group of its own, which is killed after `timeoutMinutes`.
 * @param {string[]} command
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, logPath?: string, timeoutMinutes?: number }} [options]
 * @returns {Promise<number>}
 */
export async function runProgram([program, ...args], options = {}) {
  const { cwd = projectRoot, env = process.env, logPath, timeoutMinutes = TIMEOUT_MINUTES } = options
  const log = logPath === undefined ? undefined : openSync(logPath, 'w')
  const output = log ?? 'inherit'
  const child = spawn(program, args, {
    cwd,
    env: stepEnvironment(env),
    stdio: ['ignore', output, output],
    detached: log !== undefined,
  })
  let timer
  if (log !== undefined && child.pid !== undefined) {
    const { pid } = child
    groups.add(pid)
    timer = setTimeout(() => {
      writeSync(log, `\nkilled: it ran for more than ${timeoutMinutes} minutes\n`)
      killGroup(pid)
    }, timeoutMinutes * 60_000)
  }
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      const line = `${program}: ${error.message}\n`
      if (log === undefined) process.stderr.write(line)
      else writeSync(log, line)
      resolve(127)
    })
    child.on('exit', (status, signal) => resolve(status ?? (signal ? 128 : 1)))
  })
  clearTimeout(timer)
  if (log !== undefined) closeSync(log)
  if (child.pid !== undefined) groups.delete(child.pid)
  return code
}

/** @param {Step} step */
export async function runStep(step) {
  mkdirSync(logFolder, { recursive: true })
  const logPath = join(logFolder, `${step.title.replaceAll(/[^\w-]+/g, '-')}.log`)
  const begin = performance.now()
  const { env, timeoutMinutes } = step
  const code = await runProgram(step.command, { env, logPath, timeoutMinutes })
  const seconds = (performance.now() - begin) / 1000
  const log = readFileSync(logPath, 'utf8')
  const ok = code === 0
  const counts = step.count?.(log, ok) ?? { passed: ok ? 1 : 0, failed: ok ? 0 : 1 }
  // A runner that died, or found nothing to run, has told of no failure.
  if (!ok && counts.failed === 0) counts.failed = 1
  return { title: step.title, ok, seconds, counts, log, logPath }
}

/** Prints how a step went: one line, and the end of its log when it failed. */
export function report({ title, ok, seconds, counts, log, logPath }) {
  const told = `${counts.passed} passed${counts.failed > 0 ? `, ${counts.failed} failed` : ''}`
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${title.padEnd(32)} ${seconds.toFixed(1).padStart(7)} s   ${told}`)
  if (ok) return
  const lines = log.trimEnd().split('\n')
  if (lines.length > TAIL_LINES) console.log(`     ... ${logPath} has all ${lines.length} lines`)
  for (const line of lines.slice(-TAIL_LINES)) console.log(`     ${line}`)
}

/**
 * Runs steps, at most `width` at a time, reporting each as it ends.
 * @param {Step[]} steps
 */
export async function runSteps(steps, { width = 1, stopAtFailure = false } = {}) {
  const results = []
  const waiting = [...steps]
  const worker = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const result = await runStep(step)
      report(result)
      results.push(result)
      if (stopAtFailure && !result.ok) waiting.length = 0
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}

/** @param {{ counts: Counts }[]} results */
export function totalCounts(results) {
  return results.reduce(
    (sum, { counts }) => ({ passed: sum.passed + counts.passed, failed: sum.failed + counts.failed }),
    { passed: 0, failed: 0 },
  )
}

/** The end of a run: which stages failed, how long it took, `N passed, N failed`, and the exit code. */
export function conclude(results, beginMs) {
  const bad = results.filter(({ ok }) => !ok)
  if (bad.length > 0) console.log(`failed stages: ${bad.map(({ title }) => title).join(', ')}`)
  const { passed, failed } = totalCounts(results)
  console.log(`${((performance.now() - beginMs) / 60_000).toFixed(1)} minutes`)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || bad.length > 0 ? 1 : 0
}
