/** Child process of the runner: one engine in Node. Commands on standard input, one line of JSON each in answer. */
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { driveEngine, reasonOf } from '../drive.js'
import { engineById } from '../engines/all.js'
import type { Host, Store } from '../engines/contract.js'
import type { NodeTask } from './node-place.js'
import { BASE_FILE, QUERIES_FILE } from './place.js'
import { residentBytes } from './process-meters.js'

const { root, engine, files, folder } = JSON.parse(process.argv[2] ?? '') as NodeTask
const pathOf = (path: string) =>
  path.startsWith('peers/')
    ? join(root, 'tests/bench/peers/node_modules', path.slice('peers/'.length))
    : join(root, path)

const store: Store = {
  place: folder,
  async put(name, bytes) {
    const file = await open(join(folder, name), 'w')
    await file.writeFile(bytes)
    await file.datasync()
    await file.close()
  },
  get: (name) => readFile(join(folder, name)),
  async sizeBytes() {
    const entries = await readdir(folder, { recursive: true })
    const sizes = await Promise.all(entries.map(async (entry) => stat(join(folder, entry))))
    return sizes.reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0)
  },
}

const host: Host = {
  kind: 'node',
  store,
  module: (path) => import(pathToFileURL(pathOf(path)).href) as Promise<unknown>,
  bytes: async (path) => new Uint8Array(await readFile(pathOf(path))),
  url: (path) => pathToFileURL(pathOf(path)),
}

async function floats(name: string): Promise<Float32Array> {
  const bytes = await readFile(join(files.folder, name))
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

await mkdir(folder, { recursive: true })
const session = driveEngine(
  engineById(engine),
  host,
  files,
  files.graph,
  { base: () => floats(BASE_FILE), queries: () => floats(QUERIES_FILE) },
  {
    cpuSeconds() {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
    residentBytes: () => residentBytes('self'),
  },
)
for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', ...words] = line.split(' ')
  const [ef = 0, k = 0, minSeconds = 0, maxSeconds = 0] = words.map(Number)
  const commands: Record<string, () => Promise<unknown>> = {
    start: () => session.start(),
    prepare: () => session.prepare(),
    build: () => session.build(),
    release: () => session.release(),
    search: () => session.search(ef, k, minSeconds, maxSeconds),
    found: () => session.found(),
    save: () => session.save(),
    reload: () => session.reload(),
  }
  const answer = await Promise.resolve()
    .then(() => commands[command]?.())
    .catch((error: unknown) => ({ error: reasonOf(error) }))
  process.stdout.write(`\n${JSON.stringify(answer)}\n`)
}
await session.close().catch(() => undefined)
await rm(folder, { recursive: true, force: true })
process.exit(0)
