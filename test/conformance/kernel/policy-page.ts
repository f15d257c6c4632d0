import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root';
import type { PolicyDifference } from './policy-differences';

/** The page that lists, for people, what the policies do differently in the recordings. */
const PAGE = 'docs/policies.md';

/** A row of the page's table, without the number of steps. */
export function rowOf({ rule, what }: Pick<PolicyDifference, 'rule' | 'what'>): string {
  return `${rule}: ${what}`;
}

/** The page's table as it should be. */
export function tableOf(differences: readonly PolicyDifference[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = differences.map(({ rule, what, steps }) => [`\`${rule}\``, what, String(steps)]);
  return [['rule', 'what is different', 'steps'], ['---', '---', '---'], ...rows]
    .map(line)
    .join('\n');
}

/** The rows that the page has, as `rowOf` writes them. */
export function rowsOnPage(): ReadonlySet<string> {
  const page = readFileSync(join(projectRoot(), PAGE), 'utf8');
  const rows = page.matchAll(/^\| `(\w+)` +\| (.*?) +\| +\d+ +\|$/gm);
  return new Set([...rows].map(([, rule, what]) => `${rule}: ${what}`));
}
