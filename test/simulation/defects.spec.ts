import { DEFECTS } from './defects';
import { hunt } from './simulation';

describe('a planted defect', () => {
  it.each(DEFECTS.map((defect) => [defect.name, defect] as const))('is caught: %s', (_, defect) => {
    const found = hunt(defect, { from: 1, seeds: 12, steps: 4000 });
    expect(found).toMatchObject({ caught: true, attributed: true });
  });
});
