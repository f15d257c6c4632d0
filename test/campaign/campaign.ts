/** What a campaign found. Further keys are the campaign's own. */
export interface CampaignReport {
  readonly ok: boolean;
  readonly [key: string]: unknown;
}

/** A check that is too long for `npm test`, which runs the same code at a size that fits. */
export interface Campaign {
  readonly name: string;
  /** One sentence for the list of campaigns. */
  readonly about: string;
  /** @param progress is told now and then how far the work is, `done` of `total`. */
  run(progress: (done: number, total: number) => void): CampaignReport | Promise<CampaignReport>;
}
