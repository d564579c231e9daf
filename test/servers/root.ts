/** Hosts live in mount namespaces of their own, which only root can make: said before a test fails over it. */
export function setup(): void {
  if (process.getuid?.() === 0) return
  throw new Error(
    'the servers tests need root, to start sshd and to give each host its own file systems; run them in a container, or as root',
  )
}
