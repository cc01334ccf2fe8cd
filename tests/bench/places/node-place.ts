/** Engines in JavaScript and WebAssembly, each in a Node process of its own. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../engines/contract.js'
import type { Session } from '../drive.js'
import { lineChild } from './line-child.js'
import type { SetFiles } from './place.js'

export interface NodeTask {
  readonly root: string
  readonly engine: string
  readonly files: SetFiles
  /** For what the engine stores. */
  readonly folder: string
}

/** A session whose commands are lines; native programs answer the same. */
export function lineSession(command: string, args: readonly string[]): Session {
  const child = lineChild(command, args)
  return {
    start: () => child.ask('start'),
    prepare: () => child.ask('prepare'),
    release: () => child.ask('release'),
    build: () => child.ask('build'),
    search: (ef, k, minSeconds, maxSeconds) => child.ask(`search ${ef} ${k} ${minSeconds} ${maxSeconds}`),
    found: () => child.ask('found'),
    save: () => child.ask('save'),
    reload: () => child.ask('reload'),
    close: () => child.close(),
  }
}

export function openNodeSession(root: string, engine: Engine, files: SetFiles): Session {
  const folder = join(tmpdir(), `omendb-bench-${engine.id}-${randomUUID()}`)
  const task: NodeTask = { root, engine: engine.id, files, folder }
  return lineSession(process.execPath, [
    '--expose-gc',
    ...(engine.nodeArguments ?? []),
    join(root, 'build/bench/node-child.mjs'),
    JSON.stringify(task),
  ])
}
