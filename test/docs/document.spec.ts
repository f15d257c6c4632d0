import { readFileSync } from 'node:fs';
import { UAPI_FILE, refreshed } from './document';

/** Cells without the spaces that the formatter pads them with. */
const unpadded = (text: string): string => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');

describe('docs/uapi.md', () => {
  const document = readFileSync(UAPI_FILE, 'utf8');

  it('says what the code does; `npm run docs` brings it up to date', () => {
    expect(unpadded(document)).toBe(unpadded(refreshed(document)));
  });

  it.each([
    'struct-sizes',
    'vste-fields',
    'vste-classes',
    'commands',
    'events',
    'policies',
    'example',
  ])('has the table %s', (name) => expect(document).toContain(`<!-- generated: ${name} -->`));
});
