/** The kernel's errno names that decisions answer with (include/uapi/asm-generic/errno*.h). */
export type Errno =
  | 'EADDRINUSE'
  | 'EBUSY'
  | 'EEXIST'
  | 'EFAULT'
  | 'EINVAL'
  | 'EIO'
  | 'ENODEV'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENXIO'
  | 'EOPNOTSUPP'
  | 'EOVERFLOW';
