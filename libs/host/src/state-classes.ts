import { CdTable } from './cd-table';
import { CommandQueue } from './command-queue';
import { HostDriver } from './driver';
import { ForgottenCommands } from './forgotten-commands';
import { EventQueue } from './event-queue';
import { NestParent } from './nest-parent';
import { PageAllocator } from './page-allocator';
import { PageFaults } from './page-faults';
import { PageTable } from './page-table';
import { PhysicalSmmu } from './physical-smmu';
import { CommandReports, ErrorReports } from './smmu-reports';
import { Stage1Domain } from './stage1-domain';
import { StreamTable } from './stream-table';

/**
 * The classes that a host's driver consists of. Whoever keeps a driver's state as data writes down the fields of their
 * objects, so no field may hold a function.
 */
export const HOST_STATE_CLASSES = [
  ...[
    HostDriver,
    PhysicalSmmu,
    ErrorReports,
    CommandReports,
    CommandQueue,
    EventQueue,
    ForgottenCommands,
    StreamTable,
  ],
  ...[NestParent, Stage1Domain, PageTable, PageAllocator, CdTable, PageFaults],
] as const;
