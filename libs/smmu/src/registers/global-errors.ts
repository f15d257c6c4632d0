import { registerField, type RegisterField } from './register-field';
import type { RegisterFile } from './register-file';

/** Global errors this model can raise (IHI 0070 §6.3.17). */
export type GlobalError = 'CMDQ_ERR' | 'EVENTQ_ABT_ERR' | 'MSI_CMDQ_ABT_ERR';

interface ErrorBits {
  readonly raised: RegisterField;
  readonly acknowledged: RegisterField;
}

const BITS: Record<GlobalError, ErrorBits> = {
  CMDQ_ERR: bitsOf('CMDQ_ERR'),
  EVENTQ_ABT_ERR: bitsOf('EVENTQ_ABT_ERR'),
  MSI_CMDQ_ABT_ERR: bitsOf('MSI_CMDQ_ABT_ERR'),
};

function bitsOf(error: GlobalError): ErrorBits {
  return {
    raised: registerField('GERROR', error),
    acknowledged: registerField('GERRORN', error),
  };
}

/** GERROR and GERRORN: an error is active while its bits in the two differ (IHI 0070 §7.5). */
export class GlobalErrors {
  constructor(private readonly registers: RegisterFile) {}

  isActive(error: GlobalError): boolean {
    const { raised, acknowledged } = BITS[error];
    return this.registers.field(raised) !== this.registers.field(acknowledged);
  }

  /** Activates an error by toggling its bit; one that is active already stays as it is. */
  activate(error: GlobalError): void {
    if (this.isActive(error)) return;
    const { raised } = BITS[error];
    this.registers.setField(raised, this.registers.field(raised) ^ 1);
  }
}
