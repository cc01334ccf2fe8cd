/**
 * The engines of the benchmark behind one small interface, each in a process or page of its own so that none
 * warms or starves another:
 *
 *   build(): Promise<{ seconds, ...details }>
 *   search(ef, k): Promise<{ seconds, latenciesUs: number[], found: number[][] }>   every query once, in order
 *   close(): Promise<void>
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { createServer } from 'node:http'
import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { build as bundle } from 'esbuild'
import { chromium } from 'playwright-core'

export const GRAPH = { M: 16, efConstruction: 200, seed: 100 }

/** A child that answers each line written to it with one line of JSON. */
function lineChild(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = []
  let exited = null
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)))
  child.on('exit', (code) => {
    exited = new Error(`${command} ended with code ${code}`)
    for (const { reject } of waiting.splice(0)) reject(exited)
  })
  return {
    ask(line) {
      if (exited) return Promise.reject(exited)
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        child.stdin.write(`${line}\n`)
      })
    },
    async close() {
      if (exited) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      await ended
    },
  }
}

export function nativeHnswlib(binary, files) {
  const child = lineChild(binary, [files.base, files.queries, String(files.dimensions), files.metric])
  return {
    name: 'hnswlib (native, -O3 -march=native)',
    truth: (k, path) => child.ask(`truth ${k} ${path}`),
    build: () => child.ask(`build ${GRAPH.M} ${GRAPH.efConstruction} ${GRAPH.seed}`),
    search: (ef, k) => child.ask(`search ${ef} ${k}`),
    close: () => child.close(),
  }
}

/** OmenDB through its public API in a Node process, engine in place. `quantization`: 'sq8' | 'none'. */
export function omenNode(files, quantization) {
  const child = lineChild(process.execPath, [
    '--experimental-wasm-relaxed-simd',
    new URL('./omen-node-child.mjs', import.meta.url).pathname,
    JSON.stringify({ ...files, quantization, graph: GRAPH }),
  ])
  return {
    name: `omendb ${quantization} (Node ${process.versions.node}, in place)`,
    build: () => child.ask('build'),
    search: (ef, k) => child.ask(`search ${ef} ${k}`),
    close: () => child.close(),
  }
}

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

function serve(folders) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname))
    if (path === '/')
      return response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><title>bench</title>')
    const file = folders.map((folder) => join(folder, path)).find((candidate) => existsSync(candidate))
    if (!file) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    createReadStream(file).pipe(response)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

/** One Chromium; each engine gets a page of its own. `dataFolder` holds the files of `files` (names only are sent). */
export async function chromiumEngines(files, dataFolder, distFolder, wanted) {
  const bundleFolder = await mkdtemp(join(tmpdir(), 'omendb-bench-'))
  await bundle({
    entryPoints: [new URL('./chromium-page.mjs', import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    splitting: true,
    outdir: bundleFolder,
    external: ['/dist/*', 'fs', 'path', 'module', 'crypto'],
    logLevel: 'error',
  })
  const server = await serve([bundleFolder, dataFolder, join(distFolder, '..')])
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const version = browser.version()
  const engines = []
  for (const kind of wanted) {
    const page = await browser.newPage()
    page.setDefaultTimeout(0)
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.addScriptTag({ type: 'module', url: '/chromium-page.js' })
    await page.waitForFunction(() => 'bench' in globalThis)
    const call = (name, ...args) => page.evaluate(([n, a]) => globalThis.bench[n](...a), [name, args])
    engines.push({
      name: `${kind} (Chromium ${version.split('.')[0]})`,
      build: () => call('build', kind, files, GRAPH),
      search: (ef, k) => call('search', ef, k),
      close: () => page.close(),
    })
  }
  return {
    engines,
    async close() {
      await browser.close()
      server.close()
      await rm(bundleFolder, { recursive: true, force: true })
    },
  }
}
