import { startVersitygw } from '../servers/versitygw.ts'
import { s3Contract } from './s3-contract.ts'

s3Contract('versitygw', startVersitygw)
