/** Child process of the runner: one OmenDB, commands on standard input, one JSON line each in answer. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { open } from 'omendb'
import { omenDriver } from './omen-driver.mjs'

const files = JSON.parse(process.argv[2])
const floats = (path) => {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}
const data = {
  base: floats(files.base),
  queries: floats(files.queries),
  dimensions: files.dimensions,
  metric: files.metric,
}
const driver = await omenDriver(open, data, files.quantization, files.graph)
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = line.split(' ')
  const answer =
    command === 'build' ? await driver.build() : await driver.search(Number(args[0]), Number(args[1]))
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await driver.close()
