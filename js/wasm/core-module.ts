/**
 * Loads the engine's wasm: which of the two builds this runtime can run, and how its bytes are got at.
 *
 * Not here: where the files are; each entry of js/platform/ knows that.
 */
import glue from '../../build/wasm/core.mjs'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreInstance } from './core-instance.js'

interface GlueArguments {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object
  print(line: string): void
  printErr(line: string): void
}

const createCore = glue as (options: GlueArguments) => Promise<CoreInstance>

export type WasmSource = WebAssembly.Module | URL | BufferSource

/** The two builds; the relaxed one is taken where the runtime has relaxed SIMD. */
export interface WasmBuilds {
  readonly simd: WasmSource
  readonly relaxed?: WasmSource
}

export interface LoadOptions {
  /** Reads what a URL names, where `fetch` does not (`file:` in Node). */
  readonly readUrl?: (url: URL) => Promise<BufferSource>
}

export type SimdLevel = 'simd128' | 'relaxed-simd'

/** One instance of the wasm module, with memory of its own. It lives as long as someone holds it. */
export interface CoreModule {
  readonly simd: SimdLevel
  readonly instance: CoreInstance
}

// (func (param v128 v128 v128) (result v128) local.get 0 local.get 1 local.get 2 i32x4.relaxed_dot_i8x16_i7x16_add_s)
const RELAXED_SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32,
  1, 32, 2, 253, 147, 2, 11,
])
// (func (param v128 v128) (result v128) local.get 0 local.get 1 i32x4.dot_i16x8_s)
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 123, 123, 1, 123, 3, 2, 1, 0, 10, 11, 1, 9, 0, 32, 0, 32, 1,
  253, 186, 1, 11,
])

export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_SIMD_PROBE)
}

/**
 * A fresh instance. `UNSUPPORTED` where there is no WebAssembly SIMD; `STORAGE_FAILED` when a URL cannot be read;
 * `INVALID_ARGUMENT` when the bytes are not the engine.
 */
export async function loadCoreModule(
  wasm: WasmSource | WasmBuilds,
  options: LoadOptions = {},
): Promise<CoreModule> {
  const source = chooseBuild(wasm)
  if (!(source instanceof WebAssembly.Module)) requireSimd()
  const instance = await instantiate(await compileOnce(source, options))
  return { simd: instance.EngineBinding.relaxedSimd() ? 'relaxed-simd' : 'simd128', instance }
}

function chooseBuild(wasm: WasmSource | WasmBuilds): WasmSource {
  if (!('simd' in wasm)) return wasm
  return wasm.relaxed !== undefined && hasRelaxedSimd() ? wasm.relaxed : wasm.simd
}

function requireSimd(): void {
  if (!WebAssembly.validate(SIMD_PROBE)) {
    throw errorFromCode('UNSUPPORTED', 'OmenDB needs WebAssembly with SIMD, which this runtime does not have')
  }
}

/** Several databases of one page share the compiled code. A failure is forgotten, so that it can be tried again. */
const compiled = new Map<string, Promise<WebAssembly.Module>>()

function compileOnce(source: WasmSource, options: LoadOptions): Promise<WebAssembly.Module> {
  if (!(source instanceof URL)) return compile(source)
  const { href } = source
  let promise = compiled.get(href)
  if (promise === undefined) {
    promise = compileUrl(source, options)
    compiled.set(href, promise)
    promise.catch(() => compiled.delete(href))
  }
  return promise
}

async function compile(source: WebAssembly.Module | BufferSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source
  try {
    return await WebAssembly.compile(source)
  } catch (cause) {
    throw errorFromCode(
      'INVALID_ARGUMENT',
      'the wasm given is not a module that this runtime can compile',
      cause,
    )
  }
}

async function compileUrl(url: URL, { readUrl }: LoadOptions): Promise<WebAssembly.Module> {
  try {
    if (readUrl !== undefined) return await compile(await readUrl(url))
    const response = await fetch(url)
    if (!response.ok) throw new TypeError(`${response.status} ${response.statusText}`)
    // A server that does not know application/wasm must not cost more than the streaming.
    const type = response.headers.get('content-type') ?? ''
    if (type.startsWith('application/wasm')) return await WebAssembly.compileStreaming(response)
    return await compile(await response.arrayBuffer())
  } catch (cause) {
    if (cause instanceof OmenError) throw cause
    throw errorFromCode(
      'STORAGE_FAILED',
      `could not load the engine's wasm from ${url.href}: ${String(cause)}`,
      cause,
    )
  }
}

function instantiate(module: WebAssembly.Module): Promise<CoreInstance> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      reject(
        errorFromCode(
          'INVALID_ARGUMENT',
          `the wasm given is not this version of the engine: ${String(cause)}`,
          cause,
        ),
      )
    }
    createCore({
      // The glue's own promise never settles when this hook fails, so it is rejected from here; and `receive` must
      // not be called before the hook returned, which a promise sees to.
      instantiateWasm(imports, receive) {
        WebAssembly.instantiate(module, imports)
          .then((instance) => receive(instance, module))
          .catch(fail)
        return {}
      },
      print: ignore,
      printErr: ignore,
    }).then(resolve, fail)
  })
}

/** A library does not write to its user's console. What stops the engine reaches its caller as an error. */
function ignore(): void {}
