/**
 * A process (or worker thread) that uses the folder adapter, for tests that need another one.
 * Arguments: 'hold' or 'write', and the folder. Says what happened in lines of JSON.
 */
import { nodeFsStorage } from '../../storage/node-fs.js'
import { writeForever } from './write-script.js'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'

const [task, folder] = isMainThread ? process.argv.slice(2) : (workerData as string[])

function say(value: unknown): void {
  if (parentPort === null) process.stdout.write(`${JSON.stringify(value)}\n`)
  else parentPort.postMessage(value)
}

try {
  const session = await nodeFsStorage().open(folder!, 'write')
  say('open')
  if (task === 'write') await writeForever(session, say)
  // Held until somebody ends this process or thread.
  await new Promise((resolve) => setTimeout(resolve, 600_000))
} catch (error) {
  say((error as { code?: unknown }).code)
}
