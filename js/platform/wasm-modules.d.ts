/** Wasm imported as a module, as workerd and its bundler do it. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
