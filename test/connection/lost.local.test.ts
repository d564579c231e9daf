import { lostContract } from './lost-contract.ts'

lostContract('sh', ['/bin/sh'])
lostContract('bash', ['bash', '--posix'])
