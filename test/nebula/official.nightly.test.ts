import { officialIn } from './official-cases.ts'

officialIn('hdfs')
