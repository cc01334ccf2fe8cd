/** Wasm imported as a module, as workerd and its bundler do it. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}

/** What Emscripten makes of wasm/idbfs ships no types; idbfs.ts gives it its own. */
declare module '*/idbfs.mjs' {
  const createModule: unknown
  export default createModule
}
