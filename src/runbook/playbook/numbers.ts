import type { Tree } from '../../expression/contract.ts'
import { type Entry, fault, type PlaybookContext, treeAt } from './context.ts'

const numeral = /^\s*\d+(\.\d+)?\s*$/

/** A keyword that is a number or `{{ }}`; a number in quotes is a number, as Ansible has it. */
export function numberAt(context: PlaybookContext, entry: Entry, key: string): Tree | undefined {
  const value = entry.value[key]
  if (typeof value === 'string' && numeral.test(value)) return Number(value)
  return treeAt(context, entry, key)
}

/** Adds a fault for a keyword that holds `{{ }}` where a value is needed when the playbook is read. */
export function refuseComputed(context: PlaybookContext, entry: Entry, key: string): boolean {
  const value = entry.value[key]
  if (typeof value !== 'string' || !value.includes('{{')) return false
  fault(context, `"${key}" cannot be computed: it is needed when the playbook is read`, [
    ...entry.path,
    key,
  ])
  return true
}
