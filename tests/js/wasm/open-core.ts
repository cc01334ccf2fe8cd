/** The engine's wasm as built, opened in this process. Node 20 has no relaxed SIMD, so the plain build. */
import { readFileSync } from 'node:fs'
import { CoreEngine } from '../../../js/wasm/core-engine.js'
import { type CoreModule, loadCoreModule } from '../../../js/wasm/core-module.js'

export const wasmPath = new URL('../../../build/wasm/core-simd.wasm', import.meta.url)

let compiled: Promise<WebAssembly.Module> | undefined

/** An instance of its own, of code that is compiled once. */
export async function loadCore(): Promise<CoreModule> {
  compiled ??= WebAssembly.compile(readFileSync(wasmPath))
  return loadCoreModule(await compiled)
}

/** An empty database that takes writes. */
export async function newEngine(): Promise<CoreEngine> {
  const engine = CoreEngine.create(await loadCore())
  engine.openNew()
  engine.takeOver()
  return engine
}
