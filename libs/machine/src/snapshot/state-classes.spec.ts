import { join } from 'node:path';
import { sourceClasses } from '../../../../test/source-classes';
import { MACHINE_CLASSES } from './state-classes';

/** What computes and holds nothing, and the machine itself, of which a snapshot holds one host. */
const NO_STATE = ['ByteReader', 'ByteWriter', 'Digest', 'GraphDecoder', 'GraphEncoder', 'Machine'];

it('every class of the machine is among those a snapshot can hold, or holds no state', () => {
  const listed = [...MACHINE_CLASSES.keys()]
    .filter((name) => name.startsWith('machine.'))
    .map((name) => name.slice('machine.'.length));
  expect([...listed, ...NO_STATE].sort()).toEqual(sourceClasses(join(__dirname, '..')));
});
