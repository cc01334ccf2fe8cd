import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const projectRoot = join(import.meta.dirname, '../..')

/** Paths git tracks or would track, relative to the project's root, below `folders` (all, when none is given). */
export function projectFiles(...folders: string[]): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...folders]
  const printed = execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1 << 26 })
  return printed.split('\0').filter((path) => path !== '' && existsSync(join(projectRoot, path)))
}

export function readProjectFile(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8')
}
