import { officialIn } from './official-cases.ts'

// HDFS takes as long as all others together: it is for the night.
officialIn('s3', 'oss', 'file')
