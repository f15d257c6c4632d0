import type { Errno } from '@steward/domain';

/** Bytes of an ioctl's struct as this kernel knows it, and the least that it accepts (iommufd_ioctl_ops). */
export const STRUCT_SIZES = {
  DESTROY: { min: 8, known: 8 },
  IOAS_ALLOC: { min: 12, known: 12 },
  IOAS_ALLOW_IOVAS: { min: 24, known: 24 },
  IOAS_COPY: { min: 40, known: 40 },
  IOAS_IOVA_RANGES: { min: 32, known: 32 },
  IOAS_MAP: { min: 40, known: 40 },
  IOAS_UNMAP: { min: 24, known: 24 },
  OPTION: { min: 24, known: 24 },
  HWPT_ALLOC: { min: 24, known: 48 },
  HWPT_SET_DIRTY_TRACKING: { min: 16, known: 16 },
  HWPT_GET_DIRTY_BITMAP: { min: 48, known: 48 },
  GET_HW_INFO: { min: 32, known: 40 },
  HWPT_INVALIDATE: { min: 32, known: 32 },
  FAULT_QUEUE_ALLOC: { min: 16, known: 16 },
  VIOMMU_ALLOC: { min: 24, known: 40 },
  VDEVICE_ALLOC: { min: 24, known: 24 },
  VEVENTQ_ALLOC: { min: 32, known: 32 },
} as const;

export type IoctlName = keyof typeof STRUCT_SIZES;

/** The `size` word of a request. */
export interface Sized {
  /** Bytes the caller's struct has; absent: as many as this kernel knows. */
  readonly size?: number;
  /** Some byte beyond what this kernel knows is not zero. */
  readonly tail?: boolean;
}

/** Why the struct is refused before anything in it is looked at (iommufd_fops_ioctl, copy_struct_from_user). */
export function sizeProblem(name: IoctlName, { size, tail = false }: Sized): Errno | undefined {
  const { min, known } = STRUCT_SIZES[name];
  if (size === undefined) return undefined;
  if (size < min) return 'EINVAL';
  return size > known && tail ? 'E2BIG' : undefined;
}
