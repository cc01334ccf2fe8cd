#!/usr/bin/env node
// Builds the libFuzzer targets of tests/core/fuzz, runs each over the corpus kept there, then on new bytes for a while.
//
//   node tools/fuzz.mjs [seconds for each target, 60 when not given]
//
// What libFuzzer finds on the way grows build/fuzz/<target>/, and goes on from there the next time. Ends with a non-zero
// exit code on a finding; the bytes are then in build/fuzz/findings/.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'

const SECONDS_DEFAULT = 60
/** Long enough for counts that matter, short enough for thousands of runs each second. */
const BYTES_MAX = 4096
const MEMORY_MB = 1024
/** No input of a few KB may keep a decoder busy for longer. */
const SECONDS_PER_INPUT = 5

const seconds = process.argv[2] === undefined ? SECONDS_DEFAULT : Number(process.argv[2])
if (!Number.isInteger(seconds) || seconds < 1) {
  console.error(`fuzz: expected a whole number of seconds, found ${process.argv[2]}`)
  process.exit(2)
}

const targets = ['frame', 'manifest', 'segment']
const binFolder = join(projectRoot, 'build/native-fuzz/tests/core/fuzz')
const corpusFolder = join(projectRoot, 'tests/core/fuzz/corpus')
const workFolder = join(projectRoot, 'build/fuzz')
// The core answers a refused allocation; the sanitizer must let it.
const env = {
  ...process.env,
  ASAN_OPTIONS: 'allocator_may_return_null=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}

/** libFuzzer's options; a hang, or an allocation beyond the limit, is a finding too. */
const options = [
  `-max_len=${BYTES_MAX}`,
  `-rss_limit_mb=${MEMORY_MB}`,
  `-timeout=${SECONDS_PER_INPUT}`,
  `-artifact_prefix=${join(workFolder, 'findings')}/`,
  '-print_final_stats=1',
  '-verbosity=0',
]

async function requireOk(command) {
  const code = await runProgram(command, { env })
  if (code !== 0) process.exit(code)
}

/** @returns {Promise<boolean>} whether nothing was found */
async function fuzz(target) {
  const kept = join(corpusFolder, target)
  const files = existsSync(kept) ? readdirSync(kept).map((name) => join(kept, name)) : []
  if (files.length === 0) {
    console.error(`fuzz: ${target} has no corpus`)
    return false
  }
  const program = join(binFolder, `${target}_fuzz`)
  const grown = join(workFolder, target)
  mkdirSync(grown, { recursive: true })
  // Alone first: what was found once must not depend on what else is tried.
  if ((await runProgram([program, ...options, ...files], { env })) !== 0) return false
  return (await runProgram([program, ...options, `-max_total_time=${seconds}`, grown, kept], { env })) === 0
}

mkdirSync(join(workFolder, 'findings'), { recursive: true })
await requireOk(['cmake', '--preset', 'native-fuzz'])
await requireOk(['cmake', '--build', '--preset', 'native-fuzz', '-j', '2'])
let failed = 0
for (const target of targets) {
  const ok = await fuzz(target)
  console.log(`fuzz: ${target} ${ok ? 'ok' : 'FAILED'}`)
  if (!ok) failed++
}
process.exitCode = failed > 0 ? 1 : 0
