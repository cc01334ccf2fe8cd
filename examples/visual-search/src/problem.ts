/** What went wrong, in words a visitor can act on. */
import { byId, make } from './dom.js'

export type Remedy = 'retry' | 'read-only' | 'memory'

const REMEDY_LABELS: Record<Remedy, string> = {
  retry: 'Try again',
  'read-only': 'Open a read-only view',
  memory: 'Go on without storing',
}

interface Explanation {
  title: string
  detail: string
  remedies: Remedy[]
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}

function explain(error: unknown): Explanation {
  const message = error instanceof Error ? error.message : String(error)
  switch (codeOf(error)) {
    case 'LOCKED':
      return {
        title: 'Open in another tab',
        detail:
          'Another tab has these images open for writing, and only one may. ' +
          'You can look and search here all the same, or close the other tab and try again.',
        remedies: ['read-only', 'retry'],
      }
    case 'NOT_FOUND':
    case 'READ_ONLY':
      return {
        title: 'Nothing to look at yet',
        detail: `The other tab has not stored any image so far. (${message})`,
        remedies: ['read-only', 'retry'],
      }
    case 'QUOTA_EXCEEDED':
      return {
        title: 'No room left in the browser',
        detail:
          'The browser gave this page no more storage. What was stored so far is safe. ' +
          `Free some space and try again, or go on in memory until the tab closes. (${message})`,
        remedies: ['retry', 'memory'],
      }
    case 'UNSUPPORTED':
      return {
        title: 'This browser lacks something',
        detail: `${message} A current Chrome, Edge, Firefox or Safari has all that this page needs.`,
        remedies: ['memory'],
      }
    case 'CORRUPTION':
      return {
        title: 'The stored images are damaged',
        detail: `Nothing was changed or thrown away. To start afresh, clear this site's data in the browser. (${message})`,
        remedies: ['retry', 'memory'],
      }
    default:
      return { title: 'Something went wrong', detail: message, remedies: ['retry', 'memory'] }
  }
}

export function showProblem(error: unknown, onRemedy: (remedy: Remedy) => void): void {
  const { title, detail, remedies } = explain(error)
  byId('problem-title').textContent = title
  byId('problem-detail').textContent = detail
  byId('problem-actions').replaceChildren(
    ...remedies.map((remedy, index) => {
      const button = make(
        'button',
        { type: 'button', class: index === 0 ? 'action' : 'quiet', 'data-remedy': remedy },
        REMEDY_LABELS[remedy],
      )
      button.addEventListener('click', () => onRemedy(remedy))
      return button
    }),
  )
  const problem = byId('problem')
  problem.dataset.code = codeOf(error)
  problem.hidden = false
}

export function hideProblem(): void {
  byId('problem').hidden = true
}
