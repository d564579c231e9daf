import { shellContract } from './shell-contract.ts'

/** `/bin/sh` is bash on hosts of the Red Hat family. */
shellContract('bash', ['bash', '--posix'])
