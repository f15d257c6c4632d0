/** The kernel's errno names that decisions answer with (include/uapi/asm-generic/errno*.h). */
export type Errno =
  | 'E2BIG'
  | 'EADDRINUSE'
  | 'EBUSY'
  | 'EEXIST'
  | 'EFAULT'
  | 'EINVAL'
  | 'EIO'
  | 'EMFILE'
  | 'EMSGSIZE'
  | 'ENODEV'
  | 'ENOENT'
  | 'ENOMEM'
  | 'ENOSPC'
  | 'ENXIO'
  | 'EOPNOTSUPP'
  | 'EOVERFLOW'
  | 'EPERM';
