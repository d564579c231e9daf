import type { Io } from '../../base/io.ts'
import { outcomeFor, vanished } from '../remote/create.ts'
import { lookFor } from '../remote/head.ts'
import type { OwnObject, Service } from '../remote/service.ts'
import type { Sdk } from './client.ts'
import { readFailure } from './errors.ts'
import { headObject, isMissing } from './head.ts'
import { putObject } from './put.ts'

/** Creates objects by conditional writes, until the server says that it does not know these. */
export function createCreator(): Pick<Service<Sdk>, 'create' | 'isAtomic'> {
  let isAtomic = true
  return Object.freeze({
    isAtomic: () => isAtomic,
    create: async (sdk, object, io) => {
      if (!isAtomic) return await lookThenPut(sdk, object, io)
      try {
        await putObject(sdk, { ...object, onlyIfAbsent: true }, io)
        return 'created'
      } catch (failure) {
        const { name, status } = readFailure(failure)
        if (status === 501) {
          isAtomic = false
          return await lookThenPut(sdk, object, io)
        }
        if (status !== 412 && name !== 'PreconditionFailed') throw failure
        // Also on the first attempt: a proxy may have sent it twice.
        const found = await lookFor({ head: headObject, isMissing }, sdk, object.name, io)
        if (found === undefined) throw vanished(failure)
        return outcomeFor(object.writer, found)
      }
    },
  } satisfies Pick<Service<Sdk>, 'create' | 'isAtomic'>)
}

/** For servers without conditional writes: good for one bkp at a time, and the probe says so. */
async function lookThenPut(sdk: Sdk, object: OwnObject, io: Io): Promise<'created' | 'exists'> {
  const found = await lookFor({ head: headObject, isMissing }, sdk, object.name, io)
  if (found !== undefined) return outcomeFor(object.writer, found)
  await putObject(sdk, object, io)
  return 'created'
}
