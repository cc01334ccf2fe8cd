import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { openWith } from '../../../js/api/open.js'
import type { Database } from '../../../js/api/database.js'
import { connectWith } from '../../../js/platform/connect.js'
import { openHost, type Runtime } from '../../../js/platform/open-host.js'
import type { FromWorker } from '../../../js/worker/messages.js'
import type { WorkerHandle } from '../../../js/worker/worker-client.js'
import { memoryStorage } from '../../../storage/memory.js'
import { loadCore } from '../wasm/open-core.js'
import { rejection } from './open-in-place.js'

/** A real thread that runs `script`, which stands for the engine's. */
function threadOf(script: string, onTerminate: () => void = () => undefined): WorkerHandle {
  const thread = new Worker(`const { parentPort } = require('node:worker_threads');${script}`, { eval: true })
  return {
    post: (message, transfer) => thread.postMessage(message, transfer),
    listen(onMessage, onFailure) {
      thread.on('message', (message: FromWorker) => onMessage(message))
      thread.on('error', (error) => onFailure(String(error)))
      thread.on('exit', (code) => onFailure(`it ended with exit code ${code}`))
    },
    keepAlive: () => undefined,
    terminate: async () => {
      await thread.terminate()
      onTerminate()
    },
  }
}

const runtime: Runtime = { storage: () => memoryStorage(), loadCore, clockStandsStill: false }

async function openThrough(startWorker: (() => WorkerHandle) | null, worker?: boolean): Promise<Database> {
  const open = openWith(
    connectWith({
      defaultStorage: () => 'memory',
      startWorker,
      openHere: (request) => openHost(runtime, 'in-place', request),
    }),
  )
  return open('tests', { worker })
}

const SAYS_READY = `parentPort.postMessage({ type: 'ready' });`
const SAYS_OPENED = `${SAYS_READY} parentPort.on('message', ({ type, id, kind }) => {
  if (type === 'open') parentPort.postMessage({ type: 'opened', partBytesMax: 1 << 20 })
  if (kind === 'collections') parentPort.postMessage({ type: 'output', id, output: [] })
  if (kind === 'flush') process.exit(7)
});`

describe('a worker that does not start', () => {
  it.each<[string, (() => WorkerHandle) | null, boolean | undefined, RegExp]>([
    [
      'because making it throws',
      () => {
        throw new Error('forbidden here')
      },
      undefined,
      /forbidden here/,
    ],
    ['because its script throws', () => threadOf(`throw new Error('no script')`), undefined, /no script/],
    ['because it ends at once', () => threadOf('process.exit(3)'), undefined, /exit code 3/],
    ['because there are none', null, true, /no workers/],
  ])('%s leaves the engine in place, and stats say why', async (_why, startWorker, worker, reason) => {
    const db = await openThrough(startWorker, worker)
    const stats = await db.stats()
    expect([stats.engine, stats.workerFallback]).toEqual(['in-place', expect.stringMatching(reason)])
    await db.close()
  })

  it('is nothing to report where none was asked for and none can be', async () => {
    const db = await openThrough(null)
    expect(await db.stats()).not.toHaveProperty('workerFallback')
    await db.close()
  })
})

describe('a worker that dies', () => {
  it('while opening is ENGINE_FAILED, not a second try', async () => {
    const script = `${SAYS_READY} parentPort.on('message', () => process.exit(5));`
    expect(await rejection(openThrough(() => threadOf(script)))).toBe('ENGINE_FAILED')
  })

  it('rejects what is pending and everything later with ENGINE_FAILED, and close resolves', async () => {
    const db = await openThrough(() => threadOf(SAYS_OPENED))
    expect(await db.collections()).toEqual([])
    const pending = [db.idle(), db.stats(), db.flush()]
    expect(await Promise.all(pending.map(rejection))).toEqual([
      'ENGINE_FAILED',
      'ENGINE_FAILED',
      'ENGINE_FAILED',
    ])
    expect(await rejection(db.collections())).toBe('ENGINE_FAILED')
    await db.close()
    expect(await rejection(db.collections())).toBe('CLOSED')
  })

  it('or cannot be understood is ended before anyone hears, so that it holds no lock', async () => {
    let isEnded = false
    let fail = (_reason: string): void => undefined
    const thread = threadOf(SAYS_OPENED, () => (isEnded = true))
    const db = await openThrough(() => ({
      ...thread,
      listen: (onMessage, onFailure) => {
        fail = onFailure
        thread.listen(onMessage, onFailure)
      },
    }))
    const pending = db.idle()
    fail('a message could not be read')
    const later = db.stats()
    for (const call of [pending, later]) {
      await expect(call).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/a message could not be read.*open the database again/) as string,
      })
      expect(isEnded).toBe(true)
    }
    await db.close()
  })
})

describe('a worker that is ended', () => {
  it('leaves nothing pending, although no event says so', async () => {
    const script = `${SAYS_READY} parentPort.on('message', ({ type, id, kind }) => {
      if (type === 'open') parentPort.postMessage({ type: 'opened', partBytesMax: 1 << 20 })
      if (kind === 'close') parentPort.postMessage({ type: 'output', id, output: null })
    });`
    const thread = threadOf(script)
    // As in browsers: `terminate` raises no event.
    const db = await openThrough(() => ({
      ...thread,
      listen: (onMessage) => thread.listen(onMessage, () => {}),
    }))
    const pending = [db.stats(), db.idle()].map(rejection)
    await db.close()
    expect(await Promise.all(pending)).toEqual(['CLOSED', 'CLOSED'])
  })
})
