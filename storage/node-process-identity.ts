import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads'

/** Who holds a lock, in terms that another process can check. */
export interface ProcessIdentity {
  /** Where process ids mean the same: on Linux one boot and one pid namespace, elsewhere the host's name. */
  readonly machine: string
  readonly processId: number
  /** When the process started, in the system's own words; tells a process from a later one with its id. Empty: unknown. */
  readonly startTime: string
  readonly thread: number
}

/** What can be said about a process of this or another machine. */
export type Liveness = 'alive' | 'ended' | 'unknown'

export async function ownIdentity(): Promise<ProcessIdentity> {
  return {
    machine: await machineIdentity(),
    processId: process.pid,
    startTime: (await startTimeOf(process.pid)) ?? '',
    thread: threadId,
  }
}

/** Where a thread finds which threads of its process have ended; Node hands it to every thread that is started. */
const ENDED_THREADS = 'omendb ended threads'

/** For whoever started a thread, when it has ended. Known to this thread, and to those that it starts from now on. */
export function noteEndedThread(thread: number): void {
  setEnvironmentData(ENDED_THREADS, [...endedThreads(), thread])
}

function endedThreads(): readonly number[] {
  const ended: unknown = getEnvironmentData(ENDED_THREADS)
  return Array.isArray(ended) ? (ended as number[]) : []
}

/**
 * Whether the thread that `identity` names still runs. 'unknown' for another machine or container, and for another
 * thread of this process whose end was not noted: no system call tells whether a worker thread was terminated.
 */
export async function livenessOf(identity: ProcessIdentity, own: ProcessIdentity): Promise<Liveness> {
  if (identity.machine !== own.machine) return 'unknown'
  if (identity.processId === own.processId && sameStart(identity.startTime, own.startTime)) {
    if (identity.thread === own.thread) return 'alive'
    return endedThreads().includes(identity.thread) ? 'ended' : 'unknown'
  }
  const startTime = await startTimeOf(identity.processId)
  if (startTime === null) return 'ended'
  return sameStart(startTime, identity.startTime) ? 'alive' : 'ended'
}

function sameStart(a: string, b: string): boolean {
  return a === b || a === '' || b === ''
}

async function machineIdentity(): Promise<string> {
  if (process.platform !== 'linux') return `${process.platform} ${hostname()}`
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    return `linux ${hostname()}`
  }
}

/** Start time of a running process, '' when it runs and the system does not say, null when there is none. */
async function startTimeOf(processId: number): Promise<string | null> {
  if (process.platform === 'linux') return startTimeFromProc(processId)
  if (!isRunning(processId)) return null
  return process.platform === 'win32' ? '' : startTimeFromPs(processId)
}

async function startTimeFromProc(processId: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${processId}/stat`, 'utf8')
    // Fields after the command, which stands in parentheses and may hold some itself: state is the 3rd, start the 22nd.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state, start] = [fields[0], fields[19]]
    return state === 'Z' || state === 'X' || start === undefined ? null : start
  } catch {
    return isRunning(processId) ? '' : null
  }
}

function startTimeFromPs(processId: number): Promise<string> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'lstart=', '-p', String(processId)], (error, output) => {
      resolve(error === null ? output.trim() : '')
    })
  })
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    // EPERM: it runs, as someone else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
