/**
 * The JavaScript that Emscripten makes around the engine's wasm (wasm/README.md). It ships no types, and an ambient
 * module cannot import ours, so core-module.ts gives it its type.
 */
declare module '*/core.mjs' {
  const createCore: unknown
  export default createCore
}
