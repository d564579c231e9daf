import { spawnSync } from 'node:child_process'

/** A program that a benchmark compares with, and the Debian package that brings it. */
export interface Peer {
  readonly program: string
  readonly package: string
}

/** Installs what is missing by apt-get. @throws Error that says what to install where it cannot */
export function installPeers(peers: readonly Peer[]): void {
  const missing = peers.filter(({ program }) => !isThere(program))
  if (missing.length === 0) return
  const packages = missing.map(peer => peer.package)
  const advice = `install them first: apt-get install ${packages.join(' ')}`
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    throw new Error(`the benchmark needs ${packages.join(', ')}; ${advice}`)
  }
  process.stderr.write(`installing ${packages.join(', ')}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const { status, stderr } = spawnSync('apt-get', ['-q', ...words], { encoding: 'utf8', env })
    if (status !== 0) throw new Error(`apt-get ${words[0]} failed; ${advice}\n${stderr}`)
  }
}

function isThere(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program]).status === 0
}
