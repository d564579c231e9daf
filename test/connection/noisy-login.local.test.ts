import { shellContract } from './shell-contract.ts'

/** Login scripts print, before `exec /bin/sh` takes over. */
shellContract('a noisy login', ['sh', '-c', 'echo welcome; echo motd >&2; exec sh'])
