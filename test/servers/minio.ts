import { goProgramFile, goPrograms } from './go-programs.ts'
import { type S3Server, type S3ServerProgram, startS3Server } from './s3-server.ts'

/** Starts MinIO: a second opinion, laxer about what is signed. */
export function startMinio(host = '127.0.0.1'): Promise<S3Server> {
  return startS3Server(program, host)
}

const program: S3ServerProgram = {
  file: goProgramFile(goPrograms.minio),
  start: ({ folder, address, accessKeyId, secretAccessKey }) => ({
    words: ['server', '--quiet', '--address', address, folder],
    env: {
      MINIO_ROOT_USER: accessKeyId,
      MINIO_ROOT_PASSWORD: secretAccessKey,
      MINIO_UPDATE: 'off',
      MINIO_BROWSER: 'off',
    },
  }),
  healthPath: '/minio/health/ready',
}
