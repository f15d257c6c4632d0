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
    }
  | {
      readonly type: 'IoasUnmapped';
      readonly ioas: string;
      readonly iova: Hex;
      readonly length: Hex;
    }
  /** A device's reserved region (software MSI) is enforced from its first attach on. */
  | { readonly type: 'IoasWindowReserved'; readonly device: string };
