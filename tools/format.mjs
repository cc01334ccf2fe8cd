#!/usr/bin/env node
// Formats everything: Prettier for TypeScript, JavaScript, JSON, CSS and HTML, clang-format for C++.
//
//   node tools/format.mjs [--check] [prettier|clang-format]
import { cppFiles } from './tracked-files.mjs'
import { runProgram } from './stages.mjs'

const checkOnly = process.argv.includes('--check')
const wants = (name) => !process.argv.slice(2).some((arg) => arg !== '--check' && arg !== name)

let failed = false
if (wants('prettier')) {
  failed = (await runProgram(['prettier', '--log-level=warn', checkOnly ? '--check' : '--write', '.'])) !== 0
}
if (wants('clang-format')) {
  const mode = checkOnly ? ['--dry-run', '-Werror'] : ['-i']
  failed = (await runProgram(['clang-format-19', ...mode, ...cppFiles()])) !== 0 || failed
}
process.exitCode = failed ? 1 : 0
