import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { CliError, EXIT } from './exit-codes';
import { readJson } from './files';

/** What a long command is asked, as values: it goes on only where the same is asked. */
export type Question = Readonly<Record<string, string | number>>;

const QUESTION = z.object({ question: z.record(z.string(), z.union([z.string(), z.number()])) });

/** The file (`--state`) in which a long command keeps how far it is, so that it goes on where it was interrupted. */
export class StateFile<T extends object> {
  /** @param file undefined: nothing is kept. */
  constructor(
    private readonly file: string | undefined,
    private readonly question: Question,
    private readonly kept: { readonly what: string; readonly schema: z.ZodType<T> },
  ) {}

  /**
   * What was kept of the same question; undefined where nothing was.
   * @throws CliError for a file that holds something else, which is left as it is.
   */
  read(): T | undefined {
    const { file } = this;
    const { what, schema } = this.kept;
    if (file === undefined || !existsSync(file)) return undefined;
    const json = readJson(file, what);
    const asked = QUESTION.safeParse(json);
    const state = schema.safeParse(json);
    if (!asked.success || !state.success) {
      throw new CliError(EXIT.failed, `${file} holds no ${what}`);
    }
    if (JSON.stringify(asked.data.question) === JSON.stringify(this.question)) return state.data;
    throw new CliError(EXIT.refused, `${file} holds a ${what} for something else; remove it first`);
  }

  /** Takes the place of what was kept before, whole or not at all. */
  keep(state: T): void {
    if (this.file === undefined) return;
    const fresh = `${this.file}.new`;
    writeFileSync(fresh, `${JSON.stringify({ question: this.question, ...state })}\n`);
    renameSync(fresh, this.file);
  }

  /** There is nothing to go on with. */
  remove(): void {
    if (this.file !== undefined) rmSync(this.file, { force: true });
  }
}
