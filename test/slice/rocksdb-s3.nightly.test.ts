import { startMinio } from '../servers/minio.ts'
import { slicesOnNetworks } from './networks.ts'

slicesOnNetworks('MinIO', startMinio)
