/** What a campaign found. Further keys are the campaign's own. */
export interface CampaignReport {
  readonly ok: boolean;
  readonly [key: string]: unknown;
}

/** What `npm run campaign` was asked; each campaign has its own defaults. */
export interface CampaignOptions {
  /** The seed of the first random case. */
  readonly seed?: number;
  /** How many random cases. */
  readonly cases?: number;
}

/** A check that is too long for `npm test`, which runs the same code at a size that fits. */
export interface Campaign {
  readonly name: string;
  /** One sentence for the list of campaigns. */
  readonly about: string;
  /** @param progress is told now and then how far the work is, `done` of `total`. */
  run(
    progress: (done: number, total: number) => void,
    options: CampaignOptions,
  ): CampaignReport | Promise<CampaignReport>;
}
