#!/usr/bin/env node
// Bundles tests/bench/durable.ts and runs it with the arguments given; the command is described there.
import { join } from 'node:path'
import { build } from 'esbuild'
import { projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'

const outfile = join(projectRoot, 'build/bench/durable.mjs')
await build({
  entryPoints: [join(projectRoot, 'tests/bench/durable.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
})
process.exitCode = await runProgram(['node', outfile, ...process.argv.slice(2)])
