import { readdirSync, readFileSync } from 'node:fs'

/** Process ids of `root` and everything that descends from it, parents first (Linux). */
export function processTree(root: number): number[] {
  const childrenByParent = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const parent = parentOf(entry)
    if (parent === undefined) continue
    childrenByParent.set(parent, [...(childrenByParent.get(parent) ?? []), Number(entry)])
  }
  const tree = [root]
  for (const id of tree) tree.push(...(childrenByParent.get(id) ?? []))
  return tree
}

/**
 * Kills `root` and its descendants with SIGKILL, as a power cut would end them, and waits until none is left.
 * The root goes first: a browser's main process would otherwise notice its children going and write something.
 */
export async function killTree(root: number): Promise<void> {
  const tree = processTree(root)
  for (const id of tree) {
    try {
      process.kill(id, 'SIGKILL')
    } catch {
      // Gone already.
    }
  }
  while (tree.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 5))
}

function parentOf(id: string): number | undefined {
  const fields = statFields(id)
  return fields === undefined ? undefined : Number(fields[1])
}

function isRunning(id: number): boolean {
  const fields = statFields(String(id))
  return fields !== undefined && fields[0] !== 'Z'
}

/** Fields of /proc/ID/stat after the command's name, which may itself hold spaces and parentheses. */
function statFields(id: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${id}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Clock ticks of processor time that a process has used so far; 0 for one that is gone. */
function processorTicks(id: number): number {
  const fields = statFields(String(id))
  // utime and stime; the fields begin with the third of the manual's, the state.
  return fields === undefined ? 0 : Number(fields[11]) + Number(fields[12])
}

/**
 * Which process below `root` does what `work` keeps busy: the one that used most of the processor meanwhile. A browser's main
 * process runs no page, however busy other work keeps it.
 */
export async function busiestProcess(root: number, work: () => Promise<unknown>): Promise<number> {
  const below = processTree(root).filter((id) => id !== root)
  const before = new Map(below.map((id) => [id, processorTicks(id)]))
  await work()
  const used = [...before].map(([id, ticks]) => ({ id, ticks: processorTicks(id) - ticks }))
  return used.reduce((most, each) => (each.ticks > most.ticks ? each : most)).id
}
