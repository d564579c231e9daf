import { startOssProcess } from '../servers/oss-server-process.ts'
import { ossContract } from './oss-contract.ts'

ossContract('v1', startOssProcess)
