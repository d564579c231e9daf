/**
 * Questions to a host: the only place where probes and scans are made, so that what a plan may run
 * is read in one folder. Every script here only reads.
 */
export {
  type ArchiveFacts,
  type ArchiveMember,
  archive,
  type UnpackedMember,
} from './probes/archives.ts'
export {
  conditionCommand,
  type OutputFacts,
  output,
  succeeds,
  tools,
} from './probes/commands.ts'
export { type ContentFacts, content, exists, type FileFacts, file, sha256 } from './probes/files.ts'
export { hashBlocks, hashFiles } from './probes/hashes.ts'
export { packFiles } from './probes/pack.ts'
export {
  type HeldLock,
  heldLocks,
  type ListeningPort,
  listeningPorts,
  type ProcessFacts,
  processes,
} from './probes/processes.ts'
export { type FoundEntry, type SearchFacts, searchTree } from './probes/search.ts'
export { type SelectedPath, selectPaths, treeNames } from './probes/selections.ts'
export {
  type ServiceFacts,
  service,
  serviceNamePattern,
} from './probes/services.ts'
export { freeSpace, mountPoint, type SpaceFacts } from './probes/space.ts'
export { statFiles, type TreeEntry, walkTree } from './probes/tree.ts'
export { type UploadFacts, uploadTools } from './probes/uploads.ts'
