#!/usr/bin/env node
// Bundles a program of tests/bench, which is TypeScript, and runs it with the arguments given.
//
//   node tools/bench.mjs run|durable|stored|kernels|report [arguments]     each describes its own in tests/bench/
import { join } from 'node:path'
import { build } from 'esbuild'
import { emscriptenEnvironment, projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'

const SOURCES = {
  run: 'run.ts',
  durable: 'durable.ts',
  stored: 'stored.ts',
  kernels: 'kernels.ts',
  report: 'report/report.ts',
}
const folder = join(projectRoot, 'build/bench')

async function bundle(program) {
  const bench = join(projectRoot, 'tests/bench')
  await build({
    entryPoints: [
      { in: join(bench, SOURCES[program]), out: program },
      { in: join(bench, 'places/node-child.ts'), out: 'node-child' },
    ],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  })
}

/** kernels_bench for each instruction set; a build that is up to date costs a second. */
async function buildKernels() {
  for (const preset of ['native-release', 'wasm-simd', 'wasm-relaxed']) {
    const env = preset.startsWith('wasm') ? emscriptenEnvironment() : process.env
    for (const words of [
      ['--preset', preset],
      ['--build', '--preset', preset, '-j', '2', '--target', 'kernels_bench'],
    ]) {
      const code = await runProgram(['cmake', ...words], { env })
      if (code !== 0) process.exit(code)
    }
  }
}

const [program = 'run', ...args] = process.argv.slice(2)
if (!(program in SOURCES)) {
  console.error(`no program ${program}: expected ${Object.keys(SOURCES).join(', ')}`)
  process.exit(2)
}
await bundle(program)
if (program === 'kernels') await buildKernels()
process.exitCode = await runProgram(['node', join(folder, `${program}.mjs`), ...args])
