/** The stored databases of tests/golden as the folder adapter keeps them, file by file: what users have on their disks. */
import { copyFile, mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const GOLDEN = join(import.meta.dirname, '../../golden')

/** A folder to remove afterwards; the database is `db` in it. */
export async function copyGolden(version: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'omendb-golden-'))
  await mkdir(join(folder, 'db/objects'), { recursive: true })
  await mkdir(join(folder, 'db/head'))
  for (const name of await readdir(join(GOLDEN, version))) {
    const path = name === 'head' ? 'head/0000000000000001' : `objects/${name}`
    await copyFile(join(GOLDEN, version, name), join(folder, 'db', path))
  }
  return folder
}
