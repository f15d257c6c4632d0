import { sourceClasses } from '../../../test/source-classes';
import { HOST_STATE_CLASSES } from './state-classes';

it('lists every class there is, so that snapshots of the machine can hold its objects', () => {
  expect(HOST_STATE_CLASSES.map(({ name }) => name).sort()).toEqual(sourceClasses(__dirname));
});
