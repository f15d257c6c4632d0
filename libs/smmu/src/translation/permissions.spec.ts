import {
  PRIV_EXECUTE,
  PRIV_READ,
  PRIV_WRITE,
  S2_PRIV_EXECUTE,
  S2_READ,
  S2_UNPRIV_EXECUTE,
  S2_WRITE,
  UNPRIV_EXECUTE,
  UNPRIV_READ,
  UNPRIV_WRITE,
} from '../cache/tlb-info';
import type { Stage1Context, Stage2Context } from './context';
import { needOf, stage1Permissions, stage2Permissions } from './permissions';

function stage1(
  ap: number,
  more: Partial<Stage1Context> = {},
  xn = { p: false, u: false },
): string {
  const context = {
    onePrivilege: false,
    writeExecuteNever: false,
    privilegedAccessNever: false,
    enhancedAccessNever: false,
    ...more,
  } as Stage1Context;
  const granted = stage1Permissions(context, ap, xn.p, xn.u);
  const letters = (read: number, write: number, execute: number): string =>
    `${granted & read ? 'r' : '-'}${granted & write ? 'w' : '-'}${granted & execute ? 'x' : '-'}`;
  const privileged = letters(PRIV_READ, PRIV_WRITE, PRIV_EXECUTE);
  return `${privileged} ${letters(UNPRIV_READ, UNPRIV_WRITE, UNPRIV_EXECUTE)}`;
}

describe('stage-1 permissions', () => {
  // Privileged, then unprivileged. DDI 0487 D8.4.1: what EL0 can write, EL1 never executes.
  it.each([
    [0, 'rwx --x'],
    [1, 'rw- rwx'],
    [2, 'r-x --x'],
    [3, 'r-x r-x'],
  ])('AP[2:1]=%i grants %s', (ap, granted) => {
    expect(stage1(ap)).toBe(granted);
  });

  it.each([
    [0, 'rw- --x'],
    [1, 'rw- rw-'],
    [2, 'r-x --x'],
    [3, 'r-x r-x'],
  ])('WXN: AP[2:1]=%i grants %s', (ap, granted) => {
    expect(stage1(ap, { writeExecuteNever: true })).toBe(granted);
  });

  it.each([
    [0, 'rwx --x'],
    [1, '--- rwx'],
    [2, 'r-x --x'],
    [3, '--x r-x'],
  ])('PAN: AP[2:1]=%i grants %s', (ap, granted) => {
    expect(stage1(ap, { privilegedAccessNever: true })).toBe(granted);
  });

  it.each([
    [0, { p: false, u: false }, '--x --x'],
    [0, { p: false, u: true }, 'rwx ---'],
    [2, { p: false, u: false }, '--x --x'],
    [3, { p: false, u: true }, '--x r--'],
  ])('PAN with EPAN: AP[2:1]=%i, XN %p grants %s', (ap, xn, granted) => {
    const context = { privilegedAccessNever: true, enhancedAccessNever: true };
    expect(stage1(ap, context, xn)).toBe(granted);
  });

  it('EPAN without PAN changes nothing', () => {
    expect(stage1(0, { enhancedAccessNever: true })).toBe('rwx --x');
  });

  it.each([
    [0, 'rwx rwx'],
    [1, 'rwx rwx'],
    [2, 'r-x r-x'],
    [3, 'r-x r-x'],
  ])('EL2 has one privilege: AP[2:1]=%i grants %s', (ap, granted) => {
    expect(stage1(ap, { onePrivilege: true })).toBe(granted);
  });

  it('PXN and UXN take execution from their privilege alone', () => {
    expect(stage1(3, {}, { p: true, u: false })).toBe('r-- r-x');
    expect(stage1(3, {}, { p: false, u: true })).toBe('r-x r--');
  });
});

describe('stage-2 permissions', () => {
  const granted = (s2ap: number, xn: number, separateExecute: boolean): number =>
    stage2Permissions({ separateExecute } as Stage2Context, s2ap, xn);
  const both = S2_UNPRIV_EXECUTE | S2_PRIV_EXECUTE;

  it('S2AP grants read and write apart', () => {
    expect([0, 1, 2, 3].map((s2ap) => granted(s2ap, 2, false))).toEqual([
      0,
      S2_READ,
      S2_WRITE,
      S2_READ | S2_WRITE,
    ]);
  });

  it('XN[1] alone counts without IDR3.XNX', () => {
    expect([0, 1, 2, 3].map((xn) => granted(0, xn, false))).toEqual([both, both, 0, 0]);
  });

  it('XN tells the privileges apart with IDR3.XNX', () => {
    expect([0, 1, 2, 3].map((xn) => granted(0, xn, true))).toEqual([
      both,
      S2_UNPRIV_EXECUTE,
      0,
      S2_PRIV_EXECUTE,
    ]);
  });
});

describe('what an access needs', () => {
  it('is a write, whatever InD says, for a write', () => {
    expect(needOf(false, true, true)).toBe(needOf(false, true, false));
    expect(needOf(true, true, false)).toMatchObject({ stage1: PRIV_WRITE, stage2: S2_WRITE });
  });

  it('is execute permission for an instruction read', () => {
    expect(needOf(false, false, true)).toMatchObject({
      stage1: UNPRIV_EXECUTE,
      stage2: S2_UNPRIV_EXECUTE,
    });
  });
});
