/** The package as a user gets it: packed by npm, then installed from the tarball into a folder of its own, offline. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const projectRoot = fileURLToPath(new URL('../..', import.meta.url))

export interface InstalledPackage {
  /** An application's folder, with omendb in its node_modules. */
  readonly folder: string
  readonly tarball: string
  /** Paths inside the tarball. */
  readonly files: readonly string[]
  remove(): Promise<void>
}

/** `files`: the application, by path. */
export async function installPackage(
  files: Readonly<Record<string, string>> = {},
): Promise<InstalledPackage> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'omendb-package-')))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: projectRoot })
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
  if (packed === undefined) throw new Error('npm pack made nothing')
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'app', private: true, type: 'module' }),
  )
  await run(
    'npm',
    ['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', `./${packed.filename}`],
    {
      cwd: folder,
    },
  )
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return {
    folder,
    tarball: join(folder, packed.filename),
    files: packed.files.map(({ path }) => path),
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  }
}
