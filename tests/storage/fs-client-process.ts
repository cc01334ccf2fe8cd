import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Bundles `fs-client.ts` into a folder of its own; returns the script's path. */
export async function bundleFsClient(): Promise<string> {
  const script = join(await mkdtemp(join(tmpdir(), 'omendb-client-')), 'fs-client.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('fs-client.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  return script
}

/** Another process at work in a database folder. */
export class FsClient {
  readonly #child: ChildProcess
  readonly #lines: unknown[] = []
  readonly #ended: Promise<unknown>
  #heard: () => void = () => undefined

  constructor(script: string, task: 'hold' | 'write', folder: string) {
    this.#child = spawn(process.execPath, [script, task, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#ended = once(this.#child, 'close')
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#lines.push(JSON.parse(line))
      this.#heard()
    })
  }

  /** Waits until the process has said `count` things, and answers all so far. */
  async hear(count: number): Promise<readonly unknown[]> {
    while (this.#lines.length < count) await new Promise<void>((resolve) => (this.#heard = resolve))
    return this.#lines
  }

  /** Ends the process with SIGKILL; answers what it said before that. */
  async kill(): Promise<readonly unknown[]> {
    this.#child.kill('SIGKILL')
    await this.#ended
    return this.#lines
  }
}
