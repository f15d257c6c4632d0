import { usablePasidBitsOf } from '@steward/domain';
import type { DeviceState, Errno, SmmuState } from '@steward/domain';
import { HW_INFO_FLAG_INPUT_TYPE, HW_INFO_TYPE, type GetHwInfo } from './requests';
import type { Session } from './session';
import { sizeProblem } from './struct-size';

/** IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED. */
const CAP_PCI_ATS_NOT_SUPPORTED = 8n;
/** struct iommu_hw_info_arm_smmuv3: flags, reserved, idr[6], iidr, aidr. */
const INFO_WORDS = 10;

export interface HwInfoOut {
  readonly data_type: number;
  readonly data_len: number;
  /** What is written to the user's buffer from its start on. */
  readonly data: Uint8Array;
  readonly capabilities?: bigint;
  readonly max_pasid_log2?: number;
}

/**
 * IOMMU_GET_HW_INFO (iommufd_get_hw_info, arm_smmu_hw_info): the raw ID registers. A shorter buffer gets their beginning, a
 * longer one is filled up with zeros. Nothing is changed, so there is no command.
 */
export function getHwInfo(
  session: Session,
  request: GetHwInfo,
): { readonly errno?: Errno; readonly out: HwInfoOut } {
  const { flags, data_len, in_data_type = HW_INFO_TYPE.DEFAULT } = request;
  const refused = (errno: Errno, data = new Uint8Array()) => ({
    errno,
    out: { data_type: in_data_type, data_len, data },
  });
  const bad = sizeProblem('GET_HW_INFO', request);
  if (bad !== undefined) return refused(bad);
  if ((flags & ~HW_INFO_FLAG_INPUT_TYPE) !== 0 || (request.reserved ?? 0) !== 0) {
    return refused('EOPNOTSUPP');
  }
  const device = session.context.get('device', session.nameOf('device', request.dev_id));
  const smmu = device && session.context.get('smmu', device.smmu);
  if (device === undefined || smmu === undefined) return refused('ENOENT');
  const wanted = (flags & HW_INFO_FLAG_INPUT_TYPE) === 0 ? HW_INFO_TYPE.DEFAULT : in_data_type;
  if (wanted !== HW_INFO_TYPE.DEFAULT && wanted !== HW_INFO_TYPE.ARM_SMMUV3) {
    return refused('EOPNOTSUPP');
  }
  if (data_len > 0 && !request.writable) return refused('EFAULT');
  const info = infoOf(smmu);
  const data = new Uint8Array(data_len);
  data.set(info.subarray(0, data_len));
  return {
    out: {
      data_type: HW_INFO_TYPE.ARM_SMMUV3,
      data_len: info.length,
      data,
      capabilities: capabilitiesOf(device, smmu),
      max_pasid_log2: usablePasidBitsOf(device, session.context),
    },
  };
}

function infoOf({ identity }: SmmuState): Uint8Array {
  const info = new DataView(new ArrayBuffer(INFO_WORDS * 4));
  const words = [0, 0, ...[...identity.idr, identity.iidr, identity.aidr].map(Number)];
  words.forEach((word, i) => info.setUint32(i * 4, word, true));
  return new Uint8Array(info.buffer);
}

function capabilitiesOf(device: DeviceState, smmu: SmmuState): bigint {
  return device.ats && smmu.probe.ats ? 0n : CAP_PCI_ATS_NOT_SUPPORTED;
}
