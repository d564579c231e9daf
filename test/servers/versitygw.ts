import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { goProgramFile, goPrograms } from './go-programs.ts'
import { type S3Server, type S3ServerProgram, startS3Server } from './s3-server.ts'

/** Starts versitygw, which is as strict about signatures and sums as Amazon. */
export function startVersitygw(host = '127.0.0.1'): Promise<S3Server> {
  return startS3Server(program, host)
}

const program: S3ServerProgram = {
  file: goProgramFile(goPrograms.versitygw),
  start: ({ folder, address, accessKeyId, secretAccessKey }) => {
    const data = join(folder, 'data')
    mkdirSync(data)
    // Without --keep-alive every request costs a connection.
    const words = ['--port', address, '--keep-alive', '--health', '/health', '--quiet']
    return {
      words: [...words, '--region', 'us-east-1', 'posix', data],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    }
  },
  healthPath: '/health',
}
