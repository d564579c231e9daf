import { tasksOfPlay } from '../../../src/runbook/check/uses.ts'
import type { Playbook, Task } from '../../../src/runbook/contract.ts'
import { type ReadPlaybook, readPlaybook } from '../../../src/runbook/playbook/playbook.ts'
import { createCatalogue } from './catalogue.ts'
import { memoryFiles, testSecrets } from './memory-files.ts'

/** A playbook of a test, with files beside it. */
export function read(
  source: string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  options: { readonly forceHandlers?: boolean } = {},
): ReadPlaybook {
  return readPlaybook({
    path: '/play/book.yml',
    source,
    catalogue: createCatalogue(),
    files: memoryFiles(files),
    secrets: testSecrets(),
    ...options,
  })
}

/** The tasks of a playbook by their ids. */
export function tasksById(playbook: Playbook): Readonly<Record<string, Task>> {
  const tasks = playbook.plays.flatMap(tasksOfPlay)
  return Object.fromEntries(tasks.map(task => [task.id, task]))
}

/** Tasks of one play on all hosts, indented as they stand below `tasks:`. */
export function withTasks(tasks: string): string {
  return `- hosts: all\n  tasks:\n${tasks}`
}
