import { startMinio } from '../servers/minio.ts'
import { s3Contract } from './s3-contract.ts'

s3Contract('MinIO', startMinio)
