/** A fork asks for what this history does not allow, such as a change to a commit that is kept, or that a process manager made. */
export class ForkRefusedError extends Error {
  override readonly name = 'ForkRefusedError';
}
