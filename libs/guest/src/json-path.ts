/** A place in a JSON document as people write it, e.g. `steps[12].kind`; empty for the document itself. */
export function jsonPath(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((all, key) => {
    if (typeof key === 'number') return `${all}[${key}]`;
    return all === '' ? String(key) : `${all}.${String(key)}`;
  }, '');
}
