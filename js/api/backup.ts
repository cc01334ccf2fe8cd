/** Backups as web streams: out of the database chunk by chunk, and into it, checked as a whole before anything changes. */
import { abortedError } from '../engine/protocol.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import type { Connection } from './connection.js'
import { describe, invalid } from './validation.js'

/** Smaller chunks of a stream are gathered to this before they go to the engine. */
const CHUNK_BYTES_MIN = 1 << 20

export async function backupStream(connection: Connection): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { backup } = await connection.request('openBackup', null)
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const chunk = await connection.request('nextBackupChunk', { backup })
        if (chunk.length === 0) controller.close()
        else controller.enqueue(chunk)
      },
      async cancel() {
        // A database that was closed has let go of it.
        await connection.request('closeBackup', { backup }).catch(() => undefined)
      },
    },
    // Nothing is read before it is asked for.
    { highWaterMark: 0 },
  )
}

export async function restoreStream(
  connection: Connection,
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (stream.locked) throw invalid('restore: the stream is being read by somebody else')
  const { restore } = await connection.request('beginRestore', null)
  const reader = stream.getReader()
  const onAbort = (): void => void reader.cancel(signal?.reason).catch(() => undefined)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    // It may have fired while the restore was begun.
    if (signal?.aborted === true) throw abortedError(signal, 'restore')
    for await (const chunk of chunksOf(reader, signal)) {
      await connection.request('restoreChunk', { restore, chunk }, { transfer: [chunk.buffer], signal })
    }
    await connection.request('finishRestore', { restore })
  } catch (error) {
    await connection.request('discardRestore', { restore }).catch(() => undefined)
    reader.cancel(error).catch(() => undefined)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    reader.releaseLock()
  }
}

/** What the stream gives, in chunks that are worth a message, each alone in its buffer. */
async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let gathered: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await read(reader)
    if (signal?.aborted === true) throw abortedError(signal, 'restore')
    if (!done) {
      const chunk: unknown = value
      if (!(chunk instanceof Uint8Array)) {
        throw invalid(`restore: the stream must give Uint8Arrays, found ${describe(chunk)}`)
      }
      gathered.push(chunk)
      size += chunk.length
      if (size < CHUNK_BYTES_MIN) continue
    }
    if (size > 0) yield concat(gathered, size)
    if (done) return
    gathered = []
    size = 0
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read()
  } catch (error) {
    if (error instanceof OmenError) throw error
    throw errorFromCode('STORAGE_FAILED', `restore: the stream failed: ${String(error)}`, error)
  }
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
