import type { Hex } from '../hex';

export type IoasEvent =
  | { readonly type: 'IoasCreated'; readonly ioas: string; readonly vm: string }
  | {
      readonly type: 'IoasMapped';
      readonly ioas: string;
      readonly iova: Hex;
      readonly length: Hex;
      readonly pa: Hex;
      readonly read: boolean;
      readonly write: boolean;
      /** Whether the memory behind it can be mapped writable in another IOAS; absent: as `write`. */
      readonly writable?: boolean;
    }
  | {
      readonly type: 'IoasUnmapped';
      readonly ioas: string;
      readonly iova: Hex;
      readonly length: Hex;
    }
  | {
      /** In place of what was allowed before; none: everything is. */
      readonly type: 'IoasIovasAllowed';
      readonly ioas: string;
      readonly ranges: readonly { readonly first: Hex; readonly last: Hex }[];
    }
  | { readonly type: 'IoasHugePagesSet'; readonly ioas: string; readonly enabled: boolean }
  /** A device's reserved region (software MSI) is enforced while it is attached. */
  | { readonly type: 'IoasWindowReserved'; readonly device: string }
  | { readonly type: 'IoasWindowReleased'; readonly device: string }
  | {
      /** A page table mirrors it from now on. */
      readonly type: 'IoasTableAdded';
      /** Stream of the domain that owns the table. */
      readonly table: string;
      /** Input address size of the table in bits: nothing above can be mapped. */
      readonly inputSize: number;
    }
  | { readonly type: 'IoasTableRemoved'; readonly table: string }
  | { readonly type: 'IoasFreed'; readonly ioas: string };
