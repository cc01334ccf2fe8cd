#!/usr/bin/env node
// Bundles a program of tests/bench, which is TypeScript, and runs it with the arguments given.
//
//   node tools/bench.mjs run|durable|report|kernels [arguments]     each describes its own in tests/bench/
import { join } from 'node:path'
import { build } from 'esbuild'
import { projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'

const [program = 'run', ...args] = process.argv.slice(2)
const sources = {
  run: 'run.ts',
  durable: 'durable.ts',
  kernels: 'kernels.ts',
  report: 'report/report.ts',
}
const folder = join(projectRoot, 'build/bench')
await build({
  entryPoints: [
    { in: join(projectRoot, 'tests/bench', sources[program]), out: program },
    { in: join(projectRoot, 'tests/bench/places/node-child.ts'), out: 'node-child' },
  ],
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
})
process.exitCode = await runProgram(['node', join(folder, `${program}.mjs`), ...args])
