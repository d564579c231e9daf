import { storageCases } from './storage-cases.ts'
import { onHdfs, onMinio, onOss, onVersitygw } from './storages.ts'

storageCases('S3 (MinIO)', { generation: '3.3', start: onMinio, atNight: true })
storageCases('OSS', { generation: '2.1', start: onOss, atNight: true })
storageCases('HDFS', { generation: '3.0', start: onHdfs, atNight: true })
storageCases('S3 (versitygw)', { generation: '2.0', start: onVersitygw, atNight: true })
