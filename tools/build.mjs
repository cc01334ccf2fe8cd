#!/usr/bin/env node
// Builds the package into dist/: wasm modules, then JavaScript and types. Skips what is up to date.
//
//   node tools/build.mjs [--force]
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectRoot, setUp, SetupError } from './setup.mjs'
import { report, runStep } from './stages.mjs'

const inputs = [
  'CMakeLists.txt',
  'CMakePresets.json',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'core',
  'wasm',
  'js',
  'storage',
  'tools/build.mjs',
  'tools/build-js.mjs',
  'tools/build-wasm.mjs',
]
// dist/ may be deleted by hand, so the stamp lives in it.
const stampPath = join(projectRoot, 'dist/.inputs')

/** A digest of every input file's path and bytes, and of what stands in dist/. */
function fingerprint() {
  const hash = createHash('sha256').update(process.version)
  const add = (path, withBytes) => {
    const full = join(projectRoot, path)
    const stat = statSync(full, { throwIfNoEntry: false })
    if (!stat) return void hash.update(`absent ${path}\n`)
    if (!stat.isDirectory()) {
      hash.update(`${path} ${stat.size}\n`)
      if (withBytes) hash.update(readFileSync(full))
      return
    }
    for (const name of readdirSync(full).sort()) if (name !== '.inputs') add(join(path, name), withBytes)
  }
  for (const path of inputs) add(path, true)
  add('dist', false)
  return hash.digest('hex')
}

export function buildIsCurrent() {
  try {
    return readFileSync(stampPath, 'utf8') === fingerprint()
  } catch {
    return false
  }
}

/** @returns the results of the steps that ran; none when dist/ was up to date */
export async function build({ force = false } = {}) {
  if (!force && buildIsCurrent()) return []
  rmSync(stampPath, { force: true })
  const results = []
  for (const step of [
    { title: 'build wasm', command: ['node', 'tools/build-wasm.mjs'] },
    { title: 'build js', command: ['node', 'tools/build-js.mjs'] },
  ]) {
    const result = await runStep(step)
    report(result)
    results.push(result)
    if (!result.ok) return results
  }
  mkdirSync(join(projectRoot, 'dist'), { recursive: true })
  writeFileSync(stampPath, fingerprint())
  return results
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    setUp('build')
    const results = await build({ force: process.argv.includes('--force') })
    if (results.length === 0) console.log('dist/ is up to date')
    if (results.some(({ ok }) => !ok)) process.exitCode = 1
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`setup: ${error.message}`)
    process.exitCode = 1
  }
}
