#!/usr/bin/env node
// Runs clang-tidy over core/, two files at a time, skipping files that were clean with the same bytes before.
//
//   node tools/clang-tidy.mjs [path part ...]     only files whose path holds one of these
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { runProgram } from './stages.mjs'
import { projectRoot } from './setup.mjs'
import { trackedFiles } from './tracked-files.mjs'

const buildFolder = join(projectRoot, 'build/native-asan')
const cleanFolder = join(projectRoot, 'build/clang-tidy-clean')

// Always again: a file added since the last configuration would have no compile command. It takes a second.
if ((await runProgram(['cmake', '--preset', 'native-asan'])) !== 0) process.exit(1)

const parts = process.argv.slice(2)
const commands = JSON.parse(readFileSync(join(buildFolder, 'compile_commands.json'), 'utf8'))
  .map((command) => ({ ...command, path: relative(projectRoot, command.file).split(sep).join('/') }))
  .filter(({ path }) => path.startsWith('core/'))
  .filter(({ path }) => parts.length === 0 || parts.some((part) => path.includes(part)))
if (commands.length === 0) {
  console.error('clang-tidy: no file of core/ has a compile command')
  process.exit(1)
}

// A file's findings depend on itself, every header it may include, the settings and its flags.
const shared = createHash('sha256')
for (const path of ['.clang-tidy', ...trackedFiles('core').filter((path) => path.endsWith('.h'))]) {
  shared.update(path).update(readFileSync(join(projectRoot, path)))
}
const sharedDigest = shared.digest()
const digestOf = ({ command, file }) =>
  createHash('sha256').update(sharedDigest).update(command).update(readFileSync(file)).digest('hex')

mkdirSync(cleanFolder, { recursive: true })
const waiting = commands.filter((command) => !existsSync(join(cleanFolder, digestOf(command))))
console.log(`clang-tidy: ${waiting.length} of ${commands.length} files to check`)

const check = (command) =>
  new Promise((resolve) => {
    const args = ['--quiet', '--warnings-as-errors=*', '-p', buildFolder, command.file]
    const child = spawn('clang-tidy-19', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.stderr.on('data', (data) => (output += data))
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })

let failed = 0
const worker = async () => {
  for (let command = waiting.shift(); command; command = waiting.shift()) {
    const digest = digestOf(command)
    const { ok, output } = await check(command)
    if (ok) writeFileSync(join(cleanFolder, digest), '')
    else failed++
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${command.path}`)
    if (!ok) console.log(output)
  }
}
await Promise.all([worker(), worker()])
process.exitCode = failed > 0 ? 1 : 0
