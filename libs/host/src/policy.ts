/**
 * Which driver's decisions are followed. `mainline`: Linux 7.3, with per-domain invalidation arrays. A log names the
 * policy it was made under.
 */
export type HostPolicy = 'mainline';
