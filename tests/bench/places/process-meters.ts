/** Processor time and memory of processes, from /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs'
import { processTree } from '../../browser/process-tree.js'

/**
 * Seconds on a processor of all threads alive below `root`, itself included, in nanoseconds' resolution. The time of threads
 * that have ended is not in it.
 */
export function treeCpuSeconds(root: number): number {
  let nanoseconds = 0
  for (const id of processTree(root)) {
    for (const task of foldersOf(`/proc/${id}/task`)) {
      const [onProcessor] = read(`/proc/${id}/task/${task}/schedstat`).split(' ')
      nanoseconds += Number(onProcessor ?? 0)
    }
  }
  return nanoseconds / 1e9
}

/** Memory of its own that a process holds: no files, no code. */
export function residentBytes(id: number | 'self'): number {
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB/m.exec(read(`/proc/${id}/status`)) ?? []
  return Number(kibibytes ?? 0) * 1024
}

export function treeResidentBytes(root: number): number {
  return processTree(root).reduce((sum, id) => sum + residentBytes(id), 0)
}

function foldersOf(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
