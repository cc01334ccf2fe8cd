#!/usr/bin/env node
// Everything that judges the code without running the product: format, lint, types, layers, package, sizes.
//
//   npm run check
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { countVitest } from './runner-counts.mjs'
import { setUp, SetupError } from './setup.mjs'
import { report, runStep, runSteps, totalCounts } from './stages.mjs'

/** @type {import('./stages.mjs').Step[]} */
export const checks = [
  { title: 'format', command: ['node', 'tools/format.mjs', '--check', 'prettier'] },
  { title: 'format C++', command: ['node', 'tools/format.mjs', '--check', 'clang-format'] },
  { title: 'eslint', command: ['eslint', '.', '--max-warnings=0'] },
  { title: 'types', command: ['tsc', '--noEmit'] },
  {
    title: 'layers',
    command: [
      'depcruise',
      '--config',
      '.dependency-cruiser.cjs',
      'js',
      'storage',
      'tests',
      'examples',
      'tools',
    ],
  },
  { title: 'unused', command: ['knip'] },
  { title: 'package: publint', command: ['publint', '--strict', '--level', 'warning'] },
  { title: 'package: types', command: ['attw', '--pack', '.', '--profile', 'esm-only'] },
  { title: 'package: size', command: ['size-limit'] },
]
/** Apart from the others because it keeps both cores busy by itself. */
export const clangTidy = { title: 'clang-tidy', command: ['node', 'tools/clang-tidy.mjs'] }
/** @type {import('./stages.mjs').Step} */
export const unitTests = {
  title: 'unit',
  command: ['vitest', 'run', '--project', 'unit'],
  count: countVitest,
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    setUp('test')
    const results = await build()
    if (results.every(({ ok }) => ok)) {
      results.push(...(await runSteps(checks, { width: 2 })))
      for (const step of [clangTidy, unitTests]) {
        const result = await runStep(step)
        report(result)
        results.push(result)
      }
    }
    const { passed, failed } = totalCounts(results)
    console.log(`${passed} passed, ${failed} failed`)
    process.exitCode = failed > 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`setup: ${error.message}`)
    process.exitCode = 1
  }
}
