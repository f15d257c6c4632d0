import type { PhysicalMemory } from '../memory/physical-memory';

/** Reads configuration structures as 32-bit parts. Reused: `parts` holds the last one read. */
export class StructureReader {
  readonly parts = new Uint32Array(16);

  constructor(private readonly memory: PhysicalMemory) {}

  /** Reads up to 64 bytes at a naturally aligned physical address. False: an external abort. */
  read(pa: number, bytes: number): boolean {
    if (!this.memory.backed(pa)) return false;
    for (let offset = 0; offset < bytes; offset += 8) {
      this.parts[offset / 4] = this.memory.readLo(pa + offset);
      this.parts[offset / 4 + 1] = this.memory.readHi(pa + offset);
    }
    return true;
  }
}
