import { storageCases } from './storage-cases.ts'
import { onVersitygw } from './storages.ts'

storageCases('S3 (versitygw)', { generation: '3.3', start: onVersitygw })
