import type { ThriftMethod } from '../thrift/messages.ts'
import { field, i32, i64, struct, text, type ValueOf } from '../thrift/types.ts'
import { DataSet } from './values.ts'

// The vendor's graph.thrift: tables of its Go client 2.0.0-ga, 2.5.1 and 3.8.0. What differs between these
// (latency_in_us became i64 in 3.0, time zones were added in 2.5) is not read.

const AuthResponse = struct('AuthResponse', {
  code: field(1, i32),
  message: field(2, text),
  session: field(3, i64),
})

const ExecutionResponse = struct('ExecutionResponse', {
  code: field(1, i32),
  data: field(3, DataSet),
  space: field(4, text),
  message: field(5, text),
  comment: field(7, text),
})

/** What graphd answers to a statement. */
export type ExecutionAnswer = ValueOf<typeof ExecutionResponse>

const AuthenticateArguments = struct('authenticate_args', {
  user: field(1, text),
  password: field(2, text),
})
const ExecuteArguments = struct('execute_args', {
  session: field(1, i64),
  statement: field(2, text),
})
const SignoutArguments = struct('signout_args', { session: field(1, i64) })

const resultOf = <T>(name: string, type: Parameters<typeof field<T>>[1]) =>
  struct(name, { success: field(0, type) })

/** Opens a session. */
export const authenticate: ThriftMethod<
  ValueOf<typeof AuthenticateArguments>,
  { readonly success?: ValueOf<typeof AuthResponse> | undefined }
> = Object.freeze({
  name: 'authenticate',
  args: AuthenticateArguments,
  result: resultOf('authenticate_result', AuthResponse),
})

/** Runs a statement in a session. */
export const execute: ThriftMethod<
  ValueOf<typeof ExecuteArguments>,
  { readonly success?: ExecutionAnswer | undefined }
> = Object.freeze({
  name: 'execute',
  args: ExecuteArguments,
  result: resultOf('execute_result', ExecutionResponse),
})

/** Ends a session. It is oneway: graphd answers nothing. */
export const signout: {
  readonly name: string
  readonly args: typeof SignoutArguments
} = Object.freeze({ name: 'signout', args: SignoutArguments })
