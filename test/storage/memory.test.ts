import { createMemoryStorage } from '../../src/storage/memory.ts'
import { storageContract } from '../contracts/storage.ts'

storageContract('memory', async () => ({ storage: createMemoryStorage() }))
