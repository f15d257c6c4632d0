export { COMMIT_US, TraceEventExport } from './trace-event/export';
export type { ShownCommit, ShownSpan, ShownUse, ShownWindow } from './trace-event/export';
export type { TraceEvent } from './trace-event/events';
export { validateTraceEvents, type Violation } from './trace-event/validate';
export { csvRecord, csvTable, type CsvColumns, type CsvValue } from './csv/csv';
export {
  FtraceImport,
  type FtraceFault,
  type FtraceFinding,
  type FtraceReport,
} from './ftrace/ftrace-import';
export type { FtraceEvent, FtraceEventName } from './ftrace/events';
export { importQemuTrace, type ImportReport, type QemuTraceInput } from './qemu-trace/import';
export { TextImport } from './qemu-trace/text-import';
export { crossCheck, type CrossCheck, type Finding } from './qemu-trace/cross-check';
export { checkEvents, type EventFinding } from './qemu-trace/event-check';
export { parseCmdq, type RecordedPhase, type RecordedQueue } from './qemu-trace/cmdq';
export { parseTrace, type ParsedTrace } from './qemu-trace/lines';
export {
  CmdqError,
  NoSuchSmmu,
  TraceError,
  UnsupportedTrace,
  type UnsupportedReason,
} from './qemu-trace/trace-error';
