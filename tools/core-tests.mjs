#!/usr/bin/env node
// Builds and runs the core's GoogleTests under one CMake preset, natively or as wasm under Node.
//
//   node tools/core-tests.mjs native-asan|native-release|wasm-simd|wasm-relaxed ...
import { emscriptenEnvironment } from './setup.mjs'
import { runProgram } from './stages.mjs'

const presets = process.argv.slice(2)
if (presets.length === 0) presets.push('native-asan')

for (const preset of presets) {
  const env = preset.startsWith('wasm') ? emscriptenEnvironment() : process.env
  const steps = [
    ['cmake', '--preset', preset],
    ['cmake', '--build', '--preset', preset, '-j', '2'],
    // No test found is a failure: a suite that vanished must not look like one that passes.
    ['ctest', '--preset', preset, '--verbose', '--no-tests=error', '-j', '2'],
  ]
  for (const step of steps) {
    const code = await runProgram(step, { env })
    if (code !== 0) process.exit(code)
  }
}
