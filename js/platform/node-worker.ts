/** The script of the worker thread in Node, Deno and Bun. */
import { parentPort } from 'node:worker_threads'
import type { ToWorker } from '../worker/messages.js'
import { nodeRuntime } from './node-runtime.js'
import { serveDatabase } from './worker-entry.js'

const port = parentPort
if (port === null) throw new Error('node-worker.js is the script of a worker thread')
serveDatabase(
  {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (onMessage) => port.on('message', (message: ToWorker) => onMessage(message)),
  },
  nodeRuntime,
)
