import { REGISTERS } from '../formats/registers';
import type { RegisterFile } from './register-file';

/** Global errors this model can raise (IHI 0070 §6.3.17). */
export type GlobalError = 'CMDQ_ERR' | 'EVENTQ_ABT_ERR' | 'MSI_CMDQ_ABT_ERR';

/** GERROR and GERRORN: an error is active while its bits in the two differ (IHI 0070 §7.5). */
export class GlobalErrors {
  constructor(private readonly registers: RegisterFile) {}

  isActive(error: GlobalError): boolean {
    const mask = REGISTERS.GERROR.layout.mask(error)[0]!;
    return ((this.registers.read('GERROR') ^ this.registers.read('GERRORN')) & mask) !== 0n;
  }

  /** Activates an error by toggling its bit; one that is active already stays as it is. */
  activate(error: GlobalError): void {
    if (this.isActive(error)) return;
    const mask = REGISTERS.GERROR.layout.mask(error)[0]!;
    this.registers.set('GERROR', this.registers.read('GERROR') ^ mask);
  }
}
