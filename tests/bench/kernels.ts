/**
 * Kernels against the machine: runs kernels_bench as it was built natively and for wasm, and records what it prints.
 *
 *   npm run bench:kernels -- [--out FOLDER]
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { circumstances, FORMAT, type KernelFigure, type KernelRecord } from './record.js'

// From tests/bench and from build/bench alike.
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BUILDS = ['native-release', 'wasm-simd', 'wasm-relaxed']
// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
const RELAXED_FLAG =
  Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-wasm-relaxed-simd'] : []

const { values: options } = parseArgs({
  options: { out: { type: 'string', default: join(ROOT, 'tests/bench/results') } },
})

const before = circumstances(ROOT, 'npm run bench:kernels')
const builds = BUILDS.map((name) => {
  const program = join(ROOT, 'build', name, 'tests/bench/kernels_bench')
  const [command, ...args] = name.startsWith('native')
    ? [program]
    : [process.execPath, ...(name === 'wasm-relaxed' ? RELAXED_FLAG : []), `${program}.cjs`]
  console.error(`kernels: ${name}`)
  const printed = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  return { name, figures: JSON.parse(printed) as KernelFigure[] }
})
const record: KernelRecord = { format: FORMAT, ...before, builds }
const path = join(options.out, 'kernels.json')
writeFileSync(path, `${JSON.stringify(record, null, 1)}\n`)
console.log(path)
