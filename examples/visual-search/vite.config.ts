import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** `omendb` is this repository's own package, found by its name as in any project that installed it. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  worker: { format: 'es' },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, modulePreload: false },
})
