import type { Sized } from './struct-size';

/** Bytes behind a user pointer; absent: the pointer is bad, and reading there is EFAULT. */
export type UserMemory = Uint8Array;

/** IOMMU_HWPT_ALLOC flags. */
export const HWPT_FLAGS = {
  NEST_PARENT: 1,
  DIRTY_TRACKING: 2,
  FAULT_ID_VALID: 4,
  PASID: 8,
} as const;
/** enum iommu_hwpt_data_type. */
export const HWPT_DATA = { NONE: 0, ARM_SMMUV3: 2 } as const;
/** enum iommu_viommu_type. */
export const VIOMMU_TYPE = { DEFAULT: 0, ARM_SMMUV3: 1 } as const;
/** enum iommu_hwpt_invalidate_data_type. */
export const INVALIDATE_DATA = { ARM_SMMUV3: 1 } as const;
/** enum iommu_hw_info_type, and the flag that makes it an input. */
export const HW_INFO_TYPE = { DEFAULT: 0, ARM_SMMUV3: 2 } as const;
export const HW_INFO_FLAG_INPUT_TYPE = 1;
/** IOMMU_IOAS_MAP flags. */
export const MAP_FLAGS = { FIXED_IOVA: 1, WRITEABLE: 2, READABLE: 4 } as const;

export interface IoasAlloc extends Sized {
  readonly flags: number;
}

export interface IoasMap extends Sized {
  readonly flags: number;
  readonly ioas_id: number;
  readonly reserved?: number;
  /** Physical address that backs `user_va`: a simulated VMM's memory is its guest's RAM. */
  readonly pa: bigint;
  /** Read with FIXED_IOVA only; written back in any case. */
  readonly iova: bigint;
  readonly length: bigint;
}

export interface IoasUnmap extends Sized {
  readonly ioas_id: number;
  readonly iova: bigint;
  readonly length: bigint;
}

export interface IoasCopy extends Sized {
  readonly flags: number;
  readonly dst_ioas_id: number;
  readonly src_ioas_id: number;
  readonly length: bigint;
  readonly dst_iova: bigint;
  readonly src_iova: bigint;
}

/** struct iommu_iova_range: both ends included. */
export interface UserIovaRange {
  readonly start: bigint;
  readonly last: bigint;
}

export interface IoasAllowIovas extends Sized {
  readonly ioas_id: number;
  readonly reserved?: number;
  readonly num_iovas: number;
  /** What `allowed_iovas` points at; as many as can be read. */
  readonly allowed_iovas?: readonly UserIovaRange[];
}

export interface IoasIovaRanges extends Sized {
  readonly ioas_id: number;
  readonly reserved?: number;
  /** Places in the caller's array. */
  readonly num_iovas: number;
  /** `allowed_iovas` can be written to. */
  readonly writable: boolean;
}

/** enum iommufd_option and enum iommufd_option_ops. */
export const OPTIONS = { RLIMIT_MODE: 0, HUGE_PAGES: 1 } as const;
export const OPTION_OPS = { SET: 0, GET: 1 } as const;

export interface Option extends Sized {
  readonly option_id: number;
  readonly op: number;
  readonly reserved?: number;
  readonly object_id: number;
  readonly val64: bigint;
}

export interface HwptAlloc extends Sized {
  readonly flags: number;
  readonly dev_id: number;
  readonly pt_id: number;
  /** The word at byte 20. The one at 44 is not looked at. */
  readonly reserved?: number;
  readonly data_type: number;
  readonly data_len: number;
  readonly data?: UserMemory;
  readonly fault_id?: number;
}

export interface HwptSetDirtyTracking extends Sized {
  readonly flags: number;
  readonly hwpt_id: number;
}

export interface HwptGetDirtyBitmap extends Sized {
  readonly hwpt_id: number;
  readonly flags: number;
  readonly reserved?: number;
  readonly iova: bigint;
  readonly length: bigint;
  /** Bytes of a bit. */
  readonly page_size: bigint;
}

export interface GetHwInfo extends Sized {
  readonly flags: number;
  readonly dev_id: number;
  readonly data_len: number;
  /** `data_uptr` can be written to. */
  readonly writable: boolean;
  readonly in_data_type?: number;
  readonly reserved?: number;
}

export interface HwptInvalidate extends Sized {
  readonly hwpt_id: number;
  readonly data_type: number;
  readonly entry_len: number;
  readonly entry_num: number;
  /** What can be read behind `data_uptr`; `null`: the pointer is null. */
  readonly data?: UserMemory | null;
  readonly reserved?: number;
}

export interface ViommuAlloc extends Sized {
  readonly flags: number;
  readonly type: number;
  readonly dev_id: number;
  readonly hwpt_id: number;
}

export interface VdeviceAlloc extends Sized {
  readonly viommu_id: number;
  readonly dev_id: number;
  /** 64 bits. */
  readonly virt_id: bigint;
}

export interface VeventqAlloc extends Sized {
  readonly flags: number;
  readonly viommu_id: number;
  readonly type: number;
  readonly veventq_depth: number;
  readonly reserved?: number;
}

export interface FaultQueueAlloc extends Sized {
  readonly flags: number;
}
