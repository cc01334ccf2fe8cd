#!/usr/bin/env node
// Bundles js/ and storage/ into dist/: one file per runtime and per worker, the wasm beside them, and types.
//
//   node tools/build-js.mjs
//
// Apart from the error classes each file carries all it needs. What a bundler has to see in it is left as it stands in the
// source: `new URL('./core-simd.wasm', import.meta.url)` and `new Worker(new URL(...), ...)`.
import { build } from 'esbuild'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { minify } from 'vite'
import { projectRoot } from './setup.mjs'
import { runProgram } from './stages.mjs'

const dist = join(projectRoot, 'dist')
/** What a runtime must have: WebAssembly SIMD came to Safari last, with 16.4. */
const target = ['es2022', 'chrome111', 'firefox114', 'safari16.4', 'node20']

const errors = {
  out: 'errors',
  // One copy of the error classes for all that a program imports, so that `instanceof` holds between them; their
  // names are what `error.name` shows.
  source: `export * from './js/errors/omen-error.js'; export * from './js/errors/codes.js'`,
}

/** Files of dist/ and the source each is made of. */
const entries = [
  { out: 'browser', from: 'js/platform/browser.ts', platform: 'browser', plugins: [shareErrors] },
  {
    out: 'browser-in-place',
    from: 'js/platform/browser-in-place.ts',
    platform: 'browser',
    plugins: [shareErrors],
  },
  { out: 'node', from: 'js/platform/node.ts', platform: 'node', plugins: [shareErrors] },
  { out: 'workerd', from: 'js/platform/workerd.ts', platform: 'neutral', plugins: [shareErrors] },
  {
    out: 'edge-light',
    from: 'js/platform/workerd.ts',
    platform: 'neutral',
    plugins: [shareErrors, wasmAsModule],
  },
  { out: 'storage/kv', from: 'storage/kv.ts', platform: 'neutral', plugins: [shareErrors] },
  // Worker scripts share nothing with who starts them.
  { out: 'browser-worker', from: 'js/platform/browser-worker.ts', platform: 'browser' },
  { out: 'node-worker', from: 'js/platform/node-worker.ts', platform: 'node' },
  { out: 'idbfs', from: 'js/platform/idbfs.ts', platform: 'browser' },
  { out: 'opfs-storage', from: 'js/platform/opfs-storage.ts', platform: 'browser' },
]
const typedEntries = ['js/platform/browser.ts', 'storage/kv.ts']
const ambientTypes = ['js/wasm/core-glue.d.ts', 'js/platform/wasm-modules.d.ts']

/** Leaves the error classes to errors.js, beside the entry. */
function shareErrors(out) {
  const path = `${'../'.repeat(out.split('/').length - 1) || './'}${errors.out}.js`
  return {
    name: 'share-errors',
    setup: (plugin) =>
      plugin.onResolve({ filter: /\/errors\/(omen-error|codes)\.js$/ }, () => ({ path, external: true })),
  }
}

/** Vercel's edge runtime takes wasm as a module only under this name, and is not known to have relaxed SIMD. */
function wasmAsModule() {
  return {
    name: 'wasm-as-module',
    setup: (plugin) =>
      plugin.onResolve({ filter: /\.wasm$/ }, () => ({
        path: './core-simd.wasm?module',
        external: true,
      })),
  }
}

/** @type {import('esbuild').BuildOptions} */
const shared = {
  absWorkingDir: projectRoot,
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  mainFields: ['module', 'main'],
  target,
  minify: true,
  // Edge runtimes import wasm as a module, and their bundlers have to see it; the scripts after them are
  // loaded when they are asked for.
  external: ['*.wasm', './browser-in-place.js', './idbfs.js', './opfs-storage.js'],
  legalComments: 'none',
  logLevel: 'warning',
}

function bundle({ out, from, platform, plugins = [] }) {
  const entryPoints = [{ out, in: from }]
  // What is left out of the others may have a part of its own name, and has to have it inside.
  const external = shared.external.filter((each) => each !== `./${out}.js`)
  return build({ ...shared, external, entryPoints, platform, plugins: plugins.map((plugin) => plugin(out)) })
}

/** Vite's minifier finds in what esbuild's left 1.3 KB more of what a page downloads (after gzip). */
async function minifyAgain({ out }) {
  const path = join(dist, `${out}.js`)
  const options = {
    module: true,
    compress: { target },
    mangle: { toplevel: true },
    codegen: { removeWhitespace: true },
  }
  const { code, errors } = await minify(path, readFileSync(path, 'utf8'), options)
  if (errors.length > 0) throw new Error(`${out}.js: ${errors[0].message}`)
  // What bundlers look for has to be a plain string, not the template that it was made.
  writeFileSync(path, code.replace(/\b(import\(|new URL\(|type:)`([^`$\\]+)`/g, '$1"$2"'))
}

const lazyScripts = ['idbfs.js', 'opfs-storage.js']

/** Minifying drops the comments that keep bundlers from following an import they cannot. */
function restoreImportComments() {
  const path = join(dist, 'browser-worker.js')
  let script = readFileSync(path, 'utf8')
  for (const name of lazyScripts) {
    const lazyImport = `import(new URL("./${name}",import.meta.url).href)`
    const parts = script.split(lazyImport)
    if (parts.length !== 2)
      throw new Error(`browser-worker.js: ${lazyImport} stands there ${parts.length - 1} times`)
    script = parts.join(lazyImport.replace('(', '(/* webpackIgnore: true */ /* @vite-ignore */ '))
  }
  writeFileSync(path, script)
}

function bundleErrors() {
  const stdin = { contents: errors.source, resolveDir: projectRoot, loader: 'ts' }
  return build({ ...shared, stdin, outdir: undefined, outfile: `dist/${errors.out}.js`, keepNames: true })
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
      files: [...typedEntries, ...ambientTypes].map((path) => join(projectRoot, path)),
    }),
  )
  const code = await runProgram(['tsc', '--project', config])
  if (code !== 0) throw new Error(`tsc ended with code ${code}`)
}

rmSync(dist, { recursive: true, force: true })
mkdirSync(join(projectRoot, 'build'), { recursive: true })
await Promise.all([bundleErrors(), ...entries.map(bundle)])
await Promise.all(entries.map(minifyAgain))
restoreImportComments()
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
// For bundlers that import wasm as a module: `import wasm from 'omendb/core-simd.wasm'`.
writeFileSync(
  join(dist, 'types/core-wasm.d.ts'),
  'declare const module: WebAssembly.Module\nexport default module\n',
)
