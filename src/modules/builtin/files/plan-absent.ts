import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { FileAnswers, FileDecision, FileRequest } from './request.ts'

/** `state: absent`. @throws step.failed for the root folder */
export function planAbsent(request: FileRequest, facts: FileAnswers): FileDecision {
  const { path } = request
  const { file } = facts
  if (posix.normalize(path) === '/') {
    throw new BkpError('step.failed', 'the root folder is not removed', {
      hint: 'name what shall go; check the variables in path',
    })
  }
  const gone = { kind: 'absent' as const }
  if (file.kind === 'absent') return { kind: 'unchanged', result: { path, state: 'absent' } }
  const tree = file.kind === 'directory'
  // What is lost cannot be made again: a folder's content is not even looked at.
  const destructive = tree || (file.kind === 'file' && file.sizeBytes !== 0)
  return {
    kind: 'change',
    changes: [
      {
        action: 'delete',
        target: path,
        commands: [{ argv: ['rm', tree ? '-rf' : '-f', '--', path] }],
        notes: [tree ? 'the folder and everything in it' : `the ${file.kind}`],
        ...(destructive ? { destructive } : {}),
        ...(file.kind === 'file' && typeof file.sizeBytes === 'number'
          ? { bytes: file.sizeBytes }
          : {}),
      },
    ],
    after: { file: gone, followed: gone },
    binding: { removes: file.kind },
    result: { path, state: 'absent' },
  }
}
