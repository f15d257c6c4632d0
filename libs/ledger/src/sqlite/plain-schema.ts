import type Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { guarded } from './sqlite-error';

interface SchemaObject {
  readonly type: string;
  readonly name: string;
  readonly isVirtual: number;
}

/**
 * Checks that a file from elsewhere holds tables and indexes only. A view, a trigger, a virtual
 * table or a computed column in a ledger's place would run what its author wrote when it is read
 * or written.
 * @throws LedgerError `unknown-schema` naming the first such thing; `corrupt`
 */
export function assertPlainSchema(db: Database.Database, file: string): void {
  guarded(file, () => {
    const objects = db
      .prepare<[], SchemaObject>(
        `SELECT type, name, coalesce(sql LIKE 'create virtual%', 0) AS isVirtual FROM sqlite_schema`,
      )
      .all();
    for (const { type, name, isVirtual } of objects) {
      if ((type !== 'table' && type !== 'index') || isVirtual !== 0) {
        throw odd(file, `${isVirtual !== 0 ? 'virtual table' : type} ${JSON.stringify(name)}`);
      }
      if (type !== 'table') continue;
      const hidden = db
        .prepare<[string], string>('SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 0')
        .pluck()
        .get(name);
      if (hidden !== undefined) throw odd(file, `computed column ${JSON.stringify(hidden)}`);
    }
  });
}

function odd(file: string, what: string): LedgerError {
  return new LedgerError('unknown-schema', `${file}: has a ${what}; a ledger has none`);
}
