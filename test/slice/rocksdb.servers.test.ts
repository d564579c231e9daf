import { startFleet } from './fleet.ts'
import { names, rocksDbSlice } from './rocksdb-slice.ts'

rocksDbSlice('into a folder', settings => startFleet(names, settings))
