import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** An inventory as Ansible's users have them: see main/01-hosts.yml. */
export const existing = fileURLToPath(new URL('existing', import.meta.url))

/** A pattern and its hosts, joined by blanks, on `existing/main`. */
export interface RecordedPattern {
  readonly pattern: string
  readonly hosts: string
  /** What Ansible says in its place, where that is something else on purpose. */
  readonly ansible?: string
  readonly why?: string
  /** Ansible walks sets: where groups of several depths are asked for, each run has its own order. */
  readonly order?: 'random'
}

/** Recorded from ansible-core 2.19.14. */
export const recordedPatterns: readonly RecordedPattern[] = JSON.parse(
  readFileSync(new URL('existing-patterns.json', import.meta.url), 'utf8'),
)
