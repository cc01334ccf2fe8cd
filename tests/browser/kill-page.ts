/** A page that writes until its browser is killed, and one that looks at what survived. */
import { checkSurvivors, type Acknowledged, writeForever } from '../storage/write-script.js'
import { type AdapterName, createAdapter } from './page-adapters.js'
import { exposeCalls } from './page-calls.js'

exposeCalls('killTest', {
  /** Starts writing. A step is acknowledged when the server has answered: what never left the page counts for nothing. */
  async write(adapter: AdapterName, database: string): Promise<void> {
    const session = await createAdapter(adapter).open(database, 'write')
    writeForever(session, async (done) => {
      await fetch('/acknowledge', { method: 'POST', body: JSON.stringify(done) })
    }).catch((error: unknown) => console.error(String(error)))
  },
  async check(adapter: AdapterName, database: string, done: Acknowledged): Promise<string | null> {
    const reopened = await createAdapter(adapter).open(database, 'write')
    try {
      await checkSurvivors(reopened, done)
      return null
    } catch (error) {
      return String(error)
    } finally {
      await reopened.close()
    }
  },
})
