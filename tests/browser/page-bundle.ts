import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, type BuildOptions } from 'esbuild'

export interface PageBundleOptions {
  /** TypeScript entry point. What it puts on `globalThis` is what a test can call. */
  entry: string
  /** Folder to write `index.html`, `page.js` and what the bundle needs into. */
  outFolder: string
  /** Replaces the default document, which is empty but for the script. */
  html?: string
  esbuild?: BuildOptions
}

const HTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,"><title>test page</title></head>
<body><script type="module" src="./page.js"></script></body></html>
`

/** Bundles a test page from TypeScript, so that a browser runs exactly the sources in this tree. */
export async function bundlePage(options: PageBundleOptions): Promise<void> {
  await mkdir(options.outFolder, { recursive: true })
  const outfile = join(options.outFolder, 'page.js')
  await mkdir(dirname(outfile), { recursive: true })
  await build({
    entryPoints: [options.entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    sourcemap: 'inline',
    logLevel: 'warning',
    ...options.esbuild,
  })
  await writeFile(join(options.outFolder, 'index.html'), options.html ?? HTML)
}
