/** PAGE_SIZE of the host kernel: 4 KiB. */
export const PAGE_SIZE = 4096;
