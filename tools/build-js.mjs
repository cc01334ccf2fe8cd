#!/usr/bin/env node
// Bundles js/ and storage/ into dist/: one self-contained file per runtime and per worker, the wasm beside them, and types.
//
//   node tools/build-js.mjs
//
// Each file carries all it needs, so nothing depends on how a bundler splits: it has to see two things, and both are left
// as they stand in the source: `new URL('./core-simd.wasm', import.meta.url)` and `new Worker(new URL(...), ...)`.
import { build } from 'esbuild'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'

const dist = join(projectRoot, 'dist')
/** What a runtime must have: WebAssembly SIMD came to Safari last, with 16.4. */
const target = ['es2022', 'chrome111', 'firefox114', 'safari16.4', 'node20']

/** Files of dist/ by the source they are made of. */
const entries = {
  browser: [
    { out: 'browser', from: 'js/platform/browser.ts' },
    { out: 'browser-worker', from: 'js/platform/browser-worker.ts' },
    { out: 'idbfs', from: 'build/wasm/idbfs.mjs' },
  ],
  node: [
    { out: 'node', from: 'js/platform/node.ts' },
    { out: 'node-worker', from: 'js/platform/node-worker.ts' },
  ],
  neutral: [
    { out: 'workerd', from: 'js/platform/workerd.ts' },
    { out: 'storage/kv', from: 'storage/kv.ts' },
  ],
}
const typedEntries = ['js/platform/browser.ts', 'storage/kv.ts', 'js/wasm/core-glue.d.ts']

async function bundle(platform, entryPoints) {
  await build({
    absWorkingDir: projectRoot,
    entryPoints: entryPoints.map(({ out, from }) => ({ out, in: from })),
    outdir: 'dist',
    bundle: true,
    format: 'esm',
    platform,
    mainFields: ['module', 'main'],
    target,
    minify: true,
    // workerd imports wasm as a module; its bundler has to see that.
    external: ['*.wasm', 'cloudflare:*'],
    legalComments: 'none',
    logLevel: 'warning',
  })
}

/** Declarations of what the entries export, file by file as in the source, so that "go to definition" has comments. */
async function emitTypes() {
  const config = join(projectRoot, 'build/tsconfig.types.json')
  const options = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: projectRoot,
    outDir: join(dist, 'types'),
    types: ['node'],
    typeRoots: [join(projectRoot, 'node_modules/@types')],
  }
  writeFileSync(
    config,
    JSON.stringify({
      extends: '../tsconfig.json',
      compilerOptions: options,
      include: [],
      files: typedEntries.map((path) => join(projectRoot, path)),
    }),
  )
  const code = await runProgram(['tsc', '--project', config])
  if (code !== 0) throw new Error(`tsc ended with code ${code}`)
}

rmSync(dist, { recursive: true, force: true })
mkdirSync(join(projectRoot, 'build'), { recursive: true })
await Promise.all(Object.entries(entries).map(([platform, entryPoints]) => bundle(platform, entryPoints)))
for (const name of ['core-simd.wasm', 'core-relaxed.wasm']) {
  copyFileSync(join(projectRoot, 'build/wasm', name), join(dist, name))
}
// What is inside these files of others; idb is the one package among them.
writeFileSync(
  join(dist, 'THIRD_PARTY_LICENSES.txt'),
  readFileSync(join(projectRoot, 'wasm/THIRD_PARTY_LICENSES.txt'), 'utf8') +
    'idb (https://github.com/jakearchibald/idb)\n' +
    readFileSync(join(projectRoot, 'node_modules/idb/LICENSE'), 'utf8'),
)
await emitTypes()
