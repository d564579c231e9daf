import { BkpError } from '../base/errors.ts'
import { byCode } from '../base/text.ts'
import type { HostOrder } from '../runbook/contract.ts'

/**
 * Hosts in the order of a play. `shuffle` is the same for the same seed: a run that is gone on with
 * takes the hosts as it did before.
 */
export function inOrder(
  hosts: readonly string[],
  order: HostOrder = 'inventory',
  seed: string,
): readonly string[] {
  switch (order) {
    case 'inventory':
      return hosts
    case 'reverse_inventory':
      return [...hosts].reverse()
    case 'sorted':
      return [...hosts].sort(byCode)
    case 'reverse_sorted':
      return [...hosts].sort(byCode).reverse()
    case 'shuffle':
      return hosts
        .map(host => ({ host, rank: rankOf(`${seed}/${host}`) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ host }) => host)
  }
}

/** A number that looks random and depends on the text alone (FNV-1a, its bits mixed at the end). */
function rankOf(text: string): number {
  let hash = 0x811c9dc5
  for (const unit of text) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 0
}

/**
 * Cuts hosts into batches: numbers, or percentages of all of them with at least one; the last size is
 * repeated, and one that is not above zero takes all (specs/engine.md a.6, playbook_executor.py).
 * @throws expression.failed for a size that is neither
 */
export function batchesOf(
  hosts: readonly string[],
  sizes: readonly unknown[],
): readonly (readonly string[])[] {
  if (sizes.length === 0) return hosts.length === 0 ? [] : [hosts]
  const counts = sizes.map(size => countOf(size, hosts.length))
  const batches: (readonly string[])[] = []
  for (let start = 0; start < hosts.length; ) {
    const count = counts[Math.min(batches.length, counts.length - 1)] ?? 0
    const end = count > 0 ? start + count : hosts.length
    batches.push(hosts.slice(start, end))
    start = end
  }
  return batches
}

function countOf(size: unknown, all: number): number {
  const text = String(size).trim()
  const percent = /^(-?\d+(?:\.\d+)?)\s*%$/.exec(text)
  if (percent !== null) return Math.trunc((Number(percent[1]) / 100) * all) || 1
  if (/^-?\d+$/.test(text)) return Number(text)
  throw new BkpError('expression.failed', `serial cannot be "${text}"`, {
    hint: 'write a number of hosts, or a share of them such as "30%"',
  })
}
