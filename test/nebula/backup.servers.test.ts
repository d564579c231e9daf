import { backupCases, shortBackupCases } from './backup-cases.ts'

backupCases({ generation: '3.3', metads: 3, storageds: 3 }, 'by day')
shortBackupCases({ generation: '2.0', relativePaths: true })
shortBackupCases({ generation: '2.1', walPath: true })
shortBackupCases({ generation: '3.0' })
