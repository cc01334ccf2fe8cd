#!/usr/bin/env node
// Builds the engine for both SIMD levels and gathers in build/wasm what the package and the tests load:
//
//   core.mjs            the glue, the same for both
//   core-simd.wasm      WebAssembly with 128-bit SIMD
//   core-relaxed.wasm   the same with relaxed SIMD
//   idbfs.mjs           Emscripten's file system over IndexedDB, its wasm inside
//
//   node tools/build-wasm.mjs
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emscriptenEnvironment, projectRoot, SetupError } from './setup.mjs'
import { runProgram } from './stages.mjs'

const presets = { simd: 'wasm-simd', relaxed: 'wasm-relaxed' }
const destination = join(projectRoot, 'build/wasm')

const outputOf = (preset, name) => join(projectRoot, 'build', preset, 'wasm', name)

async function run(command, env) {
  const code = await runProgram(command, { env })
  if (code !== 0) throw new SetupError(`${command.join(' ')} ended with code ${code}`)
}

async function buildPreset(preset, targets, env) {
  // Once configured, the generated build configures itself again when it must.
  if (!existsSync(join(projectRoot, 'build', preset, 'build.ninja')))
    await run(['cmake', '--preset', preset], env)
  await run(['cmake', '--build', '--preset', preset, '-j', '2', '--target', ...targets], env)
}

/** One glue is shipped with two wasm files, so the two builds must agree on it to the byte. */
function requireSameGlue() {
  const [first, second] = Object.values(presets).map((preset) => readFileSync(outputOf(preset, 'core.mjs')))
  if (!first.equals(second)) throw new SetupError('the SIMD and the relaxed SIMD build differ in core.mjs')
}

try {
  const env = emscriptenEnvironment()
  await buildPreset(presets.simd, ['omendb_wasm', 'omendb_idbfs'], env)
  await buildPreset(presets.relaxed, ['omendb_wasm'], env)
  requireSameGlue()
  mkdirSync(destination, { recursive: true })
  for (const [level, preset] of Object.entries(presets)) {
    copyFileSync(outputOf(preset, 'core.wasm'), join(destination, `core-${level}.wasm`))
  }
  copyFileSync(outputOf(presets.simd, 'core.mjs'), join(destination, 'core.mjs'))
  copyFileSync(outputOf(presets.simd, 'idbfs.mjs'), join(destination, 'idbfs.mjs'))
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`build-wasm: ${error.message}`)
  process.exitCode = 1
}
